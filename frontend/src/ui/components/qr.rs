//! A QR code as one path.

use std::fmt::Write;

use qrcode::{Color, EcLevel, QrCode};
use yew::prelude::*;

/// Light modules around the code, as the standard asks (ISO/IEC 18004, 5.3.8).
const QUIET: usize = 4;

/// Properties of [`Qr`].
#[derive(Properties, PartialEq)]
pub struct Props {
    /// What it says.
    pub text: AttrValue,
    /// What it is, for a screen reader.
    pub label: AttrValue,
}

/// A QR code; nothing where the text is too long for one.
#[component]
pub fn Qr(props: &Props) -> Html {
    let Ok(code) = QrCode::with_error_correction_level(props.text.as_bytes(), EcLevel::M) else {
        return Html::default();
    };
    let width = code.width() + 2 * QUIET;
    html! {
        <svg class="qr" viewBox={format!("0 0 {width} {width}")} role="img" aria-label={props.label.clone()}
            shape-rendering="crispEdges">
            <rect class="qr-light" width="100%" height="100%" />
            <path class="qr-dark" d={path(&code)} />
        </svg>
    }
}

/// A rectangle for each run of dark modules in a row.
fn path(code: &QrCode) -> String {
    let width = code.width();
    let mut path = String::new();
    for (y, row) in code.to_colors().chunks(width).enumerate() {
        let mut x = 0;
        for run in row.chunk_by(|a, b| a == b) {
            if run.first() == Some(&Color::Dark) {
                // Writing into a String does not fail.
                let _ = write!(
                    path,
                    "M{} {}h{run}v1h-{run}z",
                    x + QUIET,
                    y + QUIET,
                    run = run.len()
                );
            }
            x += run.len();
        }
    }
    path
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_cover_exactly_the_dark_modules() {
        let code = QrCode::new(b"12345 67890").unwrap();
        let dark = code
            .to_colors()
            .iter()
            .filter(|color| **color == Color::Dark)
            .count();
        let path = path(&code);
        let lengths = path
            .split('h')
            .skip(1)
            .step_by(2)
            .map(|run| run.split('v').next().unwrap());
        assert_eq!(
            lengths
                .map(|length| length.parse::<usize>().unwrap())
                .sum::<usize>(),
            dark
        );
    }
}
