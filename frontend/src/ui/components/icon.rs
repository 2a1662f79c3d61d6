//! Icons, drawn in the page: nothing is fetched, and they take the colour of the text around them.

use yew::prelude::*;

/// Which icon.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Icon {
    /// An admin.
    Admin,
    /// Back to the list.
    Back,
    /// Keeps somebody off.
    Ban,
    /// A system notification.
    Bell,
    /// A link that somebody can follow.
    Chain,
    /// Done.
    Check,
    /// Waits.
    Clock,
    /// Into the clipboard.
    Copy,
    /// Towards the newest.
    Down,
    /// As a file.
    Download,
    /// Shows what is hidden.
    Eye,
    /// Hides what is shown.
    EyeOff,
    /// Keys.
    Key,
    /// Leaves.
    Leave,
    /// Sealed.
    Lock,
    /// Settings.
    Gear,
    /// What else there is.
    More,
    /// New.
    Plus,
    /// Writes over.
    Pencil,
    /// On paper.
    Print,
    /// Looks for something.
    Search,
    /// On its way.
    Send,
    /// The server's doing.
    Server,
    /// Signed and checked.
    Shield,
    /// The mark of the product.
    Mark,
    /// Something is wrong.
    Warning,
    /// People.
    People,
    /// One more person.
    PersonPlus,
    /// Closes.
    Cross,
}

/// Properties of [`Glyph`].
#[derive(Properties, PartialEq)]
pub struct Props {
    /// Which icon.
    pub icon: Icon,
    /// Further classes.
    #[prop_or_default]
    pub class: Classes,
}

/// An icon. It says nothing to a screen reader: the text or label beside it does.
#[component]
pub fn Glyph(props: &Props) -> Html {
    html! {
        <svg class={classes!("icon", props.class.clone())} viewBox="0 0 24 24" aria-hidden="true"
            focusable="false">
            <path d={path(props.icon)} />
        </svg>
    }
}

fn path(icon: Icon) -> &'static str {
    match icon {
        Icon::Admin => {
            "M12 4l2.45 4.95 5.45.8-3.95 3.85.95 5.4-4.9-2.55L7.1 19l.95-5.4L4.1 9.75l5.45-.8z"
        }
        Icon::Ban => "M12 3.5a8.5 8.5 0 1 1 0 17 8.5 8.5 0 0 1 0-17M6 6l12 12",
        Icon::Chain => {
            "M10 14a4 4 0 0 0 5.7 0l3.3-3.3A4 4 0 0 0 13.3 5L12 6.3M14 10a4 4 0 0 0-5.7 0L5 13.3A4 4 0 0 0 10.7 19L12 17.7"
        }
        Icon::Key => "M15.5 4a4.5 4.5 0 1 1 0 9 4.5 4.5 0 0 1 0-9M12.3 11.7 4 20m2.7-2.7 2.3 2.3",
        Icon::More => {
            "M5 11.5a.5.5 0 1 0 0 1 .5.5 0 0 0 0-1m7 0a.5.5 0 1 0 0 1 .5.5 0 0 0 0-1m7 0a.5.5 0 1 0 0 1 .5.5 0 0 0 0-1"
        }
        Icon::Server => {
            "M5 4.5h14a1 1 0 0 1 1 1v4a1 1 0 0 1-1 1H5a1 1 0 0 1-1-1v-4a1 1 0 0 1 1-1m0 9h14a1 1 0 0 1 1 1v4a1 1 0 0 1-1 1H5a1 1 0 0 1-1-1v-4a1 1 0 0 1 1-1M7.5 7.5h.01m-.01 9h.01"
        }
        Icon::Back => "M19 12H5m7 7-7-7 7-7",
        Icon::Bell => "M6 9a6 6 0 0 1 12 0c0 6 2.5 7.5 2.5 7.5h-17S6 15 6 9m4 11a2.2 2.2 0 0 0 4 0",
        Icon::Check => "m5 12.5 4.5 4.5L19 7.5",
        Icon::Clock => "M12 3.5a8.5 8.5 0 1 1 0 17 8.5 8.5 0 0 1 0-17M12 7.5V12l3 2",
        Icon::Copy => {
            "M10 8.5h9A1.5 1.5 0 0 1 20.5 10v9a1.5 1.5 0 0 1-1.5 1.5h-9A1.5 1.5 0 0 1 8.5 19v-9A1.5 1.5 0 0 1 \
             10 8.5M5.5 15.500H5A1.5 1.5 0 0 1 3.5 14V5A1.5 1.5 0 0 1 5 3.500h9A1.5 1.5 0 0 1 15.5 5v.5"
        }
        Icon::Down => "M12 5v14m-6-6 6 6 6-6",
        Icon::Download => "M12 4v11m-5-4.5 5 5 5-5M4.5 20h15",
        Icon::Eye => {
            "M2.5 12S6 5.5 12 5.5 21.5 12 21.5 12 18 18.5 12 18.5 2.5 12 2.5 12M12 9.200a2.8 \
             2.8 0 1 1 0 5.6 2.8 2.8 0 0 1 0-5.6"
        }
        Icon::EyeOff => {
            "M4 4l16 16M9.9 5.800A9 9 0 0 1 12 5.500c6 0 9.5 6.5 9.5 6.500a16 16 0 0 1-2.6 3.300M6.3 \
             7.400A15.5 15.5 0 0 0 2.5 12S6 18.5 12 18.500a9 9 0 0 0 4.5-1.200M10 10a2.8 2.8 0 0 0 4 4"
        }
        Icon::Leave => {
            "M9.5 20.500H5A1.5 1.5 0 0 1 3.5 19V5A1.5 1.5 0 0 1 5 3.500h4.500M16 16.500l4.5-4.500L16 7.500m4.5 4.500h-11"
        }
        Icon::Lock => {
            "M6.5 10.500h11A1.5 1.5 0 0 1 19 12v7a1.5 1.5 0 0 1-1.5 1.500h-11A1.5 1.5 0 0 1 5 19v-7a1.5 1.5 0 0 1 1.5-1.500M8 10.500V7.500a4 4 0 0 1 8 0v3"
        }
        Icon::Gear => {
            "M12 9a3 3 0 1 1 0 6 3 3 0 0 1 0-6M19.2 14.600l1.6 1.2-1.9 3.3-1.9-.8a7.5 7.5 0 0 1-2.2 1.300l-.3 \
             2h-3.900l-.3-2a7.5 7.5 0 0 1-2.2-1.300l-1.9.8-1.9-3.3 1.6-1.200a7.6 7.6 0 0 1 0-2.500L4.3 \
             10.900l1.9-3.3 1.9.8A7.5 7.5 0 0 1 10.3 7.100l.3-2h3.900l.3 2A7.5 7.5 0 0 1 17 8.400l1.9-.8 1.9 \
             3.3-1.6 1.200a7.6 7.6 0 0 1 0 2.5"
        }
        Icon::Pencil => "M4.5 19.5l1-4.5L16 4.5l3.5 3.5L9 18.5zM13.5 7l3.5 3.5",
        Icon::Plus => "M12 5v14M5 12h14",
        Icon::Print => {
            "M7 8.500v-5h10v5M7 17H5A1.5 1.5 0 0 1 3.5 15.500V10A1.5 1.5 0 0 1 5 8.500h14a1.5 1.5 0 0 1 1.5 1.500v5.500A1.5 1.5 0 0 1 19 17h-2M7 13.500h10v7H7z"
        }
        Icon::Search => "M11 4.500a6.5 6.5 0 1 1 0 13 6.5 6.5 0 0 1 0-13M20 20l-4.3-4.3",
        Icon::Send => "M20.5 3.5 10 14M20.5 3.5 14 20.5 10 14 3.5 10z",
        Icon::Shield | Icon::Mark => {
            "M12 3 4.5 6v5.500c0 4.5 3 8 7.5 9.5 4.5-1.5 7.5-5 7.5-9.500V6zM8.5 12l2.5 2.5 4.5-5"
        }
        Icon::Warning => "M12 4 2.5 20h19zM12 10v4.500m0 2.700v.1",
        Icon::People => {
            "M9 4.500a3.5 3.5 0 1 1 0 7 3.5 3.5 0 0 1 0-7M2.5 19.500c0-3.2 2.8-5 6.5-5s6.5 1.8 6.5 5M15.5 \
             4.900a3.5 3.5 0 0 1 0 6.300M18 14.900c2.2.7 3.5 2.3 3.5 4.6"
        }
        Icon::PersonPlus => {
            "M10 4.500a3.5 3.5 0 1 1 0 7 3.5 3.5 0 0 1 0-7M3.5 19.500c0-3.2 2.8-5 6.5-5s6.5 1.8 6.5 5M18.5 7.500v6m-3-3h6"
        }
        Icon::Cross => "M6 6l12 12M18 6 6 18",
    }
}
