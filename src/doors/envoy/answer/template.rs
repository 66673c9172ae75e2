//! An answer that repeats, encoded once: only the decision id differs.

use bytes::Bytes;
use prost::Message as _;
use smallvec::SmallVec;

use super::super::grpc;
use super::{AnswerStyle, Reply};
use crate::record::decision_id::{DECISION_ID_LEN, DecisionId};

/// Stands for the id while encoding; as long, and with blanks, which no value of an answer that repeats has.
const MARK: &str = "[------ the decision's id -----]";
const _: () = assert!(MARK.len() == DECISION_ID_LEN, "the id takes the mark's place");

/// A gRPC frame with one CheckResponse, and the places of the decision id in it.
#[derive(Debug)]
pub struct Template {
    frame: Box<[u8]>,
    marks: SmallVec<[usize; 2]>,
}

impl Template {
    /// Encodes the answer to `reply`.
    pub fn of(style: &AnswerStyle, reply: Reply<'_>) -> Self {
        let frame = frame(style, reply, MARK);
        let marks = frame
            .windows(DECISION_ID_LEN)
            .enumerate()
            .filter(|(_, window)| *window == MARK.as_bytes())
            .map(|(at, _)| at)
            .collect();
        Self { frame: frame.into_boxed_slice(), marks }
    }

    /// The frame with this id.
    pub fn fill(&self, id: &DecisionId) -> Bytes {
        let mut frame = self.frame.to_vec();
        for at in &self.marks {
            if let Some(place) = frame.get_mut(*at..at.saturating_add(DECISION_ID_LEN)) {
                place.copy_from_slice(id);
            }
        }
        Bytes::from(frame)
    }
}

/// The gRPC frame with the answer to `reply`, for an answer that does not repeat.
pub fn frame(style: &AnswerStyle, reply: Reply<'_>, decision_id: &str) -> Vec<u8> {
    grpc::framed(&style.response(reply, decision_id).encode_to_vec())
}
