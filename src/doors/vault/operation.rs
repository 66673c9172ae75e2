//! What a method asks for.

use http::Method;

use super::query::{Query, boolean};
use crate::vault::request::Operation;

/// The parameter of a GET that makes it a list.
const LIST: &str = "list";

/// What is asked, or why it is nothing that a path can do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Asked {
    /// Something that a path may do.
    Api(Operation),
    /// OPTIONS, which only a browser asks, and browsers are not served.
    Options,
    /// No method of the API. Case counts.
    Unknown,
    /// `list` is no truth value.
    BadList,
}

impl Asked {
    /// Reads the method; takes `list` out of the query where it was followed.
    pub(super) fn of(method: &Method, query: &mut Query) -> Self {
        let operation = match method.as_str() {
            "GET" => match query.first(LIST).filter(|text| !text.is_empty()).map(boolean) {
                None | Some(Some(false)) => Operation::Read,
                Some(None) => return Self::BadList,
                Some(Some(true)) => {
                    query.remove(LIST);
                    Operation::List
                }
            },
            "LIST" => Operation::List,
            "POST" | "PUT" => Operation::Write,
            "DELETE" => Operation::Delete,
            "PATCH" => Operation::Patch,
            "HEAD" => Operation::Header,
            "OPTIONS" => return Self::Options,
            _ => return Self::Unknown,
        };
        Self::Api(operation)
    }

    /// Its name in logs and metrics.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Api(operation) => operation.name(),
            Self::Options | Self::Unknown | Self::BadList => "none",
        }
    }
}

#[cfg(test)]
mod tests {
    use http::Method;

    use super::Asked;
    use crate::doors::vault::query::Query;
    use crate::vault::request::Operation;

    fn asked(method: &str, query: &str) -> (Asked, usize) {
        let mut query = Query::read(Some(query));
        let asked = Asked::of(&Method::from_bytes(method.as_bytes()).unwrap(), &mut query);
        (asked, query.into_fields().len())
    }

    #[test]
    fn methods_are_compared_with_case() {
        for (method, expected) in [
            ("GET", Asked::Api(Operation::Read)),
            ("LIST", Asked::Api(Operation::List)),
            ("POST", Asked::Api(Operation::Write)),
            ("PUT", Asked::Api(Operation::Write)),
            ("DELETE", Asked::Api(Operation::Delete)),
            ("PATCH", Asked::Api(Operation::Patch)),
            ("HEAD", Asked::Api(Operation::Header)),
            ("OPTIONS", Asked::Options),
            ("TRACE", Asked::Unknown),
            ("COPY", Asked::Unknown),
            ("SCAN", Asked::Unknown),
            ("list", Asked::Unknown),
            ("get", Asked::Unknown),
        ] {
            assert_eq!(asked(method, "").0, expected, "{method}");
        }
    }

    #[test]
    fn list_is_read_as_go_reads_truth_and_counts_once() {
        for (query, expected, left) in [
            ("list=true", Asked::Api(Operation::List), 0),
            ("list=1&a=b", Asked::Api(Operation::List), 1),
            ("list=true&list=false", Asked::Api(Operation::List), 0),
            ("list=false", Asked::Api(Operation::Read), 1),
            ("list=", Asked::Api(Operation::Read), 1),
            ("list", Asked::Api(Operation::Read), 1),
            ("LIST=true", Asked::Api(Operation::Read), 1),
            ("list=x", Asked::BadList, 1),
            ("list=tRUE", Asked::BadList, 1),
        ] {
            assert_eq!(asked("GET", query), (expected, left), "{query}");
        }
        assert_eq!(asked("DELETE", "list=true"), (Asked::Api(Operation::Delete), 1));
        assert_eq!(asked("LIST", "list=x"), (Asked::Api(Operation::List), 1));
    }
}
