//! What is not replayed here, each with its reason.

/// Steps of a scenario that are not about the decision.
pub(crate) struct LeftOut {
    pub(crate) scenario: &'static str,
    pub(crate) steps: &'static [usize],
    pub(crate) why: &'static str,
}

const fn left_out(scenario: &'static str, steps: &'static [usize], why: &'static str) -> LeftOut {
    LeftOut { scenario, steps, why }
}

const PRESENCE: &str = "the door asks whether `role` and `jwt` are there";
const TYPES: &str = "the door decodes the fields of a login";
const FORM: &str = "the door reads forms";
const ROUTES: &str = "the door knows methods and paths";
const ANNOTATIONS: &str = "what becomes alias metadata is asked after the decision";
const ISSUING: &str = "a decision issues no token";
const TOKENS: &str = "about the issued token";

pub(crate) const LEFT_OUT: [LeftOut; 17] = [
    left_out("a login without a role is refused", &[2, 3], PRESENCE),
    left_out("a login without a jwt is refused", &[2, 3], PRESENCE),
    left_out(
        "a missing jwt is reported before an unknown role, an unknown role before the token",
        &[1],
        PRESENCE,
    ),
    left_out("an empty login body is refused", &[2, 3, 4, 5], PRESENCE),
    left_out("jwt is an object", &[2], TYPES),
    left_out("jwt is an array", &[2], TYPES),
    left_out("role is an empty array", &[2], TYPES),
    left_out("POST, PUT, a form body and a bad token in the header all log in", &[4, 5], FORM),
    left_out("other methods on login", &[2, 3, 4, 5, 6, 7, 8], ROUTES),
    left_out("a login path with a trailing slash", &[2, 3, 4], ROUTES),
    left_out("an annotation with a reserved key", &[2], ANNOTATIONS),
    left_out("annotations that the API server forbids", &[2], ANNOTATIONS),
    left_out("a role that grants root cannot be issued", &[2, 4], ISSUING),
    left_out("a token that has expired", &[3, 4, 5, 6, 7], TOKENS),
    left_out("a renewal lengthens the life", &[3, 4], TOKENS),
    left_out("a renewal past the maximum", &[3, 4], TOKENS),
    left_out("a batch token that has expired", &[3, 4], TOKENS),
];

/// Scenarios whose decision needs other calls than the reference makes.
pub(crate) const OTHER_CALLS: [(&str, &str); 5] = [
    ("a selector that the labels do not satisfy", "the review comes before the labels"),
    ("a selector with two labels, one missing", "the review comes before the labels"),
    ("a selector, labels fit, the review refuses", "the review comes before the labels"),
    ("annotations become alias metadata", ANNOTATIONS),
    ("a service account without annotations", ANNOTATIONS),
];
