//! All readings of one path.

use std::collections::HashSet;
use std::rc::Rc;

use super::step::{self, Step};

/// How often a reading may have been percent-decoded.
const MAX_DECODINGS: usize = 2;

/// The bound on the readings of one path is one on the work: whatever a step makes of a reading, found before or not,
/// counts with its length and [`PER_STEP`]. The sum may be [`PER_PATH`], [`PER_BYTE`] for each byte of the path up to
/// [`LONG`], and [`PER_FURTHER_BYTE`] for each one behind.
///
/// A path of 4 KiB that holds an escaped URL needs a third of it. Forged paths cost tenths of a millisecond where they
/// are short, and milliseconds where they are as long as a proxy takes them.
const PER_PATH: usize = 16 * 1024;
const PER_BYTE: usize = 64;
const PER_FURTHER_BYTE: usize = 8;
const LONG: usize = 8 * 1024;
const PER_STEP: usize = 32;

/// How much work the readings of a path of that length may make.
pub(super) fn work_for(length: usize) -> usize {
    let further = length.saturating_sub(LONG).saturating_mul(PER_FURTHER_BYTE);
    length.min(LONG).saturating_mul(PER_BYTE).saturating_add(further).saturating_add(PER_PATH)
}

/// The readings found so far.
pub(super) struct Readings {
    seen: HashSet<Rc<[u8]>>,
    /// Those with the fewest decodings so far, whose steps are to be taken.
    level: Vec<Rc<[u8]>>,
    work_left: usize,
}

impl Readings {
    /// The path itself.
    pub(super) fn new(path: &[u8]) -> Self {
        let path: Rc<[u8]> = path.into();
        Self { work_left: work_for(path.len()), seen: HashSet::from([Rc::clone(&path)]), level: vec![path] }
    }

    /// Whether every further reading, each of them once, is `good`: nothing at the first that is not, and where there
    /// are too many.
    pub(super) fn all(mut self, mut good: impl FnMut(&[u8]) -> bool) -> Option<()> {
        // A reading with fewer decodings can be read on in every way that is open with more. So those with fewer come
        // first, and none is looked at twice.
        for decodings in 0..=MAX_DECODINGS {
            let mut at = 0_usize;
            while let Some(reading) = self.level.get(at).map(Rc::clone) {
                for step in step::ALL {
                    let new = self.take(step, &reading, &mut good)?;
                    self.level.extend(new);
                }
                at = at.saturating_add(1);
            }
            if decodings < MAX_DECODINGS {
                let mut decoded = Vec::new();
                for reading in std::mem::take(&mut self.level) {
                    decoded.extend(self.take(step::decode, &reading, &mut good)?);
                }
                self.level = decoded;
            }
        }
        Some(())
    }

    /// The same with half of the work.
    #[cfg(test)]
    pub(super) fn halved(self) -> Self {
        Self { work_left: self.work_left / 2, ..self }
    }

    /// The reading that a step makes of another, if it is new; nothing at all where it is not good or the work is over.
    fn take(
        &mut self,
        step: Step,
        reading: &[u8],
        good: &mut impl FnMut(&[u8]) -> bool,
    ) -> Option<Option<Rc<[u8]>>> {
        let Some(changed) = step(reading) else { return Some(None) };
        self.work_left = self.work_left.checked_sub(changed.len().saturating_add(PER_STEP))?;
        if self.seen.contains(&*changed) {
            return Some(None);
        }
        let new: Rc<[u8]> = Rc::from(&*changed);
        self.seen.insert(Rc::clone(&new));
        good(&new).then_some(Some(new))
    }
}
