//! Bodies that estimate their length, so that each is written into one buffer.

use serde::Serialize;

/// The estimated bytes around a list, with its cursor.
pub(super) const LIST_BYTES: usize = 100;

/// A body that estimates its length. A wrong estimate costs a larger buffer or a second allocation.
pub(super) trait Measured: Serialize {
    /// The estimated length as JSON in bytes; rather too large than too small.
    fn about(&self) -> usize;
}

/// Checks that the estimate is large enough, and less than twice the length.
#[cfg(test)]
pub(super) fn assert_fits(body: &impl Measured) {
    let (about, length) = (body.about(), serde_json::to_vec(body).unwrap().len());
    assert!(length <= about, "{length} bytes do not fit {about}");
    assert!(about < 2 * length, "{about} bytes for {length}");
}
