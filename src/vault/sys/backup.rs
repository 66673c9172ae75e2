//! `sys/storage/backup`: a copy of the store, written on the server's machine while it runs.

use serde_json::{Map, json};

use crate::core::fields::Fields;
use crate::core::role::decode::is_role_name;
use crate::ports::copies::Copies;
use crate::ports::store::StoreError;
use crate::vault::call::store_refusal;
use crate::vault::outcome::{Answer, Class, Outcome, Refusal};
use crate::vault::request::Request;

/// The longest name of a copy, in bytes.
const LONGEST: usize = 128;

/// Makes the copy that the field `name` names.
pub(super) async fn write(copies: Option<&dyn Copies>, request: &Request) -> Outcome {
    let invalid = |text: String| Refusal::new(Class::Invalid, text).into();
    let name = match Fields::new(&request.data).string("name") {
        Ok(name) => name.unwrap_or_default(),
        Err(error) => return invalid(error.to_string()),
    };
    // Words, dots and dashes: nothing that leads out of the folder.
    if !is_role_name(&name) || name.len() > LONGEST {
        return invalid(format!(
            "expected `name`, a new file's: letters, digits, `_`, and `-` and `.` inside, at most {LONGEST}"
        ));
    }
    let Some(copies) = copies else {
        return invalid("only the embedded store can be copied".to_owned());
    };
    match copies.copy(&name).await {
        Ok(copy) => {
            let data = [
                ("file".to_owned(), json!(copy.file)),
                ("entries".to_owned(), json!(copy.entries)),
                ("bytes".to_owned(), json!(copy.bytes)),
            ];
            Outcome::Done(Answer { data: Some(Map::from_iter(data)), ..Answer::default() })
        }
        Err(StoreError::Conflict) => invalid(format!("there is a copy with the name `{name}`")),
        Err(error) => store_refusal(&error).into(),
    }
}
