//! How much input of a live run was sent or consumed.

/// Number of inputs, and bytes of standard input in them, from the start of the run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct InputCount {
    /// Number of inputs of all kinds, which is the number of the last input.
    pub inputs: u32,
    /// Bytes of standard input.
    pub bytes: u64,
}

impl InputCount {
    /// The larger value of each field.
    #[must_use]
    pub fn max(self, other: InputCount) -> InputCount {
        InputCount { inputs: self.inputs.max(other.inputs), bytes: self.bytes.max(other.bytes) }
    }
}
