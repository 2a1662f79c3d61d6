//! Light and dark.

use super::browser;

/// Kept in this browser: what was chosen by hand.
const KEY: &str = "theme";

/// How the page looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Theme {
    /// As the system has it.
    System,
    /// Light.
    Light,
    /// Dark.
    Dark,
}

impl Theme {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::System, Self::Light, Self::Dark];

    /// What was chosen in this browser.
    pub fn kept() -> Self {
        let kept = browser::setting(KEY);
        Self::ALL
            .into_iter()
            .find(|theme| theme.name() == kept.as_deref())
            .unwrap_or(Self::System)
    }

    /// Chooses it, from now on.
    pub fn keep(self) {
        browser::keep_setting(KEY, self.name());
        self.apply();
    }

    /// Shows it.
    pub fn apply(self) {
        browser::set_theme(self.name());
    }

    fn name(self) -> Option<&'static str> {
        match self {
            Self::System => None,
            Self::Light => Some("light"),
            Self::Dark => Some("dark"),
        }
    }
}
