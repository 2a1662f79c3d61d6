//! How `build.rs` writes the sentences down for [`super`]: text as it is, with these characters in the middle of it, which
//! no sentence has.

/// Ends a message: its key, `=`, its pattern.
pub const MESSAGE: char = '\u{1}';
/// A value; its name follows, and [`END`].
pub const VALUE: char = '\u{2}';
/// One of several patterns, by a value; its name follows, and [`END`], and the [`VARIANT`]s, and [`DONE`].
pub const CHOICE: char = '\u{3}';
/// A variant of a choice: its key, with [`DEFAULT`] before it if it is for all other values, [`END`], its pattern.
pub const VARIANT: char = '\u{4}';
/// Ends a choice.
pub const DONE: char = '\u{5}';
/// Ends a name or key.
pub const END: char = '\u{6}';
/// The variant for all other values.
pub const DEFAULT: char = '*';
