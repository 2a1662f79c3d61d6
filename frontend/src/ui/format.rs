//! Times, dates and numbers in the person's own format, by the browser's `Intl`.

use js_sys::{Array, Date, Function, Intl, Object, Reflect};
use secure_chat_shared::client::api::PresenceStatus;
use secure_chat_shared::ids::Timestamp;
use wasm_bindgen::{JsCast, JsValue};
use yew::AttrValue;

use super::browser;
use super::text::{LANGUAGE, t};

const MINUTE: f64 = 60_000.0;
const HOUR: f64 = 60.0 * MINUTE;
const DAY: f64 = 24.0 * HOUR;

/// "14:32".
pub fn time_of_day(time: Timestamp) -> AttrValue {
    thread_local! {
        static FORMAT: Function = date_format(&[("hour", "numeric"), ("minute", "2-digit")]);
    }
    FORMAT.with(|format| call(format, time))
}

/// "Sunday, 22 November 2026, 14:32:07".
pub fn full(time: Timestamp) -> AttrValue {
    thread_local! {
        static FORMAT: Function = date_format(&[("dateStyle", "full"), ("timeStyle", "medium")]);
    }
    FORMAT.with(|format| call(format, time))
}

/// "Today", "Yesterday", "Friday", "13 November 2025".
pub fn day(time: Timestamp) -> AttrValue {
    thread_local! {
        static WEEKDAY: Function = date_format(&[("weekday", "long")]);
        static DATE: Function = date_format(&[("dateStyle", "long")]);
    }
    match days_ago(time) {
        0 => t!("today"),
        1 => t!("yesterday"),
        2..=6 => WEEKDAY.with(|format| call(format, time)),
        _ => DATE.with(|format| call(format, time)),
    }
}

/// For the list: "14:32", "Yesterday", "Fri", "13/11/2025".
pub fn brief(time: Timestamp) -> AttrValue {
    thread_local! {
        static WEEKDAY: Function = date_format(&[("weekday", "short")]);
        static DATE: Function = date_format(&[("dateStyle", "short")]);
    }
    match days_ago(time) {
        0 => time_of_day(time),
        1 => t!("yesterday"),
        2..=6 => WEEKDAY.with(|format| call(format, time)),
        _ => DATE.with(|format| call(format, time)),
    }
}

/// "14:32", "Yesterday, 14:32", "13 November 2025, 14:32".
pub fn moment(time: Timestamp) -> AttrValue {
    let clock = time_of_day(time);
    if days_ago(time) == 0 {
        return clock;
    }
    t!(
        "day-and-time",
        day = day(time).as_str(),
        time = clock.as_str()
    )
}

/// A number that names the local day: equal for times on the same one.
pub fn day_number(time: Timestamp) -> i64 {
    let date = Date::new(&JsValue::from_f64(time.0 as f64));
    let offset = date.get_timezone_offset() * MINUTE;
    ((time.0 as f64 - offset) / DAY).floor() as i64
}

/// When a local day begins, milliseconds since 1970, `later` days after one that is given as in `2026-11-23`; `None`
/// for anything else.
pub fn day_start(day: &str, later: i32) -> Option<u64> {
    let mut parts = day.splitn(3, '-').map(|part| part.parse::<u32>().ok());
    let (year, month, day) = (parts.next()??, parts.next()??, parts.next()??);
    let date = Date::new_with_year_month_day(year, month as i32 - 1, day as i32 + later);
    let ms = date.get_time();
    (ms.is_finite() && ms >= 0.0).then_some(ms as u64)
}

/// Today's local date, as in `2026-11-23`.
pub fn today() -> String {
    let now = Date::new_0();
    let (year, month, day) = (now.get_full_year(), now.get_month() + 1, now.get_date());
    format!("{year:04}-{month:02}-{day:02}")
}

/// "online", "away", "last seen 5 minutes ago", "offline".
pub fn presence(status: Option<PresenceStatus>) -> AttrValue {
    match status {
        Some(PresenceStatus::Online) => t!("presence-online"),
        Some(PresenceStatus::Away) => t!("presence-away"),
        Some(PresenceStatus::Offline(Some(since))) => {
            t!("presence-last-seen", ago = ago(since).as_str())
        }
        Some(PresenceStatus::Offline(None)) | None => t!("presence-offline"),
    }
}

/// "2.4 MB", in the language of the sentence around it.
pub fn size(bytes: f64) -> AttrValue {
    let (count, unit) = match bytes {
        bytes if bytes < 1e6 => ((bytes / 1e3).ceil(), "kilobyte"),
        bytes if bytes < 1e9 => (bytes / 1e6, "megabyte"),
        bytes => (bytes / 1e9, "gigabyte"),
    };
    let options = Object::new();
    for (key, value) in [
        ("style", JsValue::from("unit")),
        ("unit", unit.into()),
        ("maximumFractionDigits", 1.into()),
    ] {
        // Setting a property of a plain object does not fail.
        let _ = Reflect::set(&options, &key.into(), &value);
    }
    let format = Intl::NumberFormat::new(&Array::of1(&LANGUAGE.into()), &options).format();
    let text = format.call1(&JsValue::UNDEFINED, &count.into());
    text.ok()
        .and_then(|text| text.as_string())
        .unwrap_or_default()
        .into()
}

/// "5 minutes ago", in the language of the sentence around it.
pub fn ago(time: Timestamp) -> AttrValue {
    let past = (browser::now_ms() - time.0 as f64).max(0.0);
    let (count, unit) = match past {
        past if past < MINUTE => return t!("just-now"),
        past if past < HOUR => (past / MINUTE, "minute"),
        past if past < DAY => (past / HOUR, "hour"),
        past if past < 30.0 * DAY => (past / DAY, "day"),
        past if past < 365.0 * DAY => (past / (30.0 * DAY), "month"),
        past => (past / (365.0 * DAY), "year"),
    };
    relative(-count.floor(), unit)
}

fn relative(count: f64, unit: &str) -> AttrValue {
    thread_local! {
        static FORMAT: Intl::RelativeTimeFormat = Intl::RelativeTimeFormat::new(
            &Array::of1(&LANGUAGE.into()),
            &Object::new(),
        );
    }
    FORMAT.with(|format| String::from(format.format(count, unit)).into())
}

fn days_ago(time: Timestamp) -> i64 {
    day_number(Timestamp(browser::now_ms() as u64)) - day_number(time)
}

/// A bound `Intl.DateTimeFormat.prototype.format` in the person's own format: making one is slow, using it is not.
fn date_format(options: &[(&str, &str)]) -> Function {
    let object = Object::new();
    for (key, value) in options {
        // Setting a property of a plain object does not fail.
        let _ = Reflect::set(&object, &(*key).into(), &(*value).into());
    }
    Intl::DateTimeFormat::new(&Array::new(), &object).format()
}

fn call(format: &Function, time: Timestamp) -> AttrValue {
    let date = Date::new(&JsValue::from_f64(time.0 as f64));
    let text = format.call1(&JsValue::UNDEFINED, date.unchecked_ref());
    text.ok()
        .and_then(|text| text.as_string())
        .unwrap_or_default()
        .into()
}
