//! Passkeys in the page: what the browser's Web Authentication (Level 3) gives and takes.
//!
//! The output of a passkey's PRF stays in this browser: it is taken out of what is sent to the server.

use js_sys::{Array, ArrayBuffer, Function, JSON, Object, Promise, Reflect, Uint8Array};
use secure_chat_shared::crypto::vault;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;

use crate::ui::browser::{keep_setting, setting, window};

/// Kept in this browser: that the account has a passkey that unlocks.
const UNLOCKING: &str = "passkey-unlocks";

/// What a passkey has answered. Wiped when dropped.
#[derive(zeroize::Zeroize, zeroize::ZeroizeOnDrop)]
pub struct Answered {
    /// `RegistrationResponseJSON` or `AuthenticationResponseJSON`, for the server.
    pub response: String,
    /// The output of its PRF, 32 bytes, where it has one.
    pub prf: Option<Vec<u8>>,
}

/// Why there is no passkey.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoPasskey {
    /// The person has cancelled, or took too long.
    Cancelled,
    /// This device has one for the account already.
    HasOne,
    /// The browser cannot, or failed.
    Unable,
}

/// Whether a passkey may unlock this browser.
pub fn may_unlock() -> bool {
    supported() && setting(UNLOCKING).is_some()
}

/// Remembers, for when nobody is signed in, whether the account has a passkey that unlocks.
pub fn remember_unlocking(has: bool) {
    keep_setting(UNLOCKING, has.then_some("yes"));
}

/// Whether this browser has passkeys at all.
pub fn supported() -> bool {
    class().is_ok_and(|class| get(&class, "parseCreationOptionsFromJSON").is_ok())
}

/// Makes a passkey by the server's options.
pub async fn make(options: &str) -> Result<Answered, NoPasskey> {
    let options = parsed(options, "parseCreationOptionsFromJSON")?;
    let made = called("create", &options).await?;
    let prf = get(&extension_results(&made)?, "prf").ok();
    let can_prf = prf.is_some_and(|prf| get(&prf, "enabled").is_ok_and(|can| can.is_truthy()));
    let mut prf = prf_output(&made)?;
    if prf.is_none() && can_prf {
        // Many passkeys evaluate their PRF only when they are asked for.
        prf = evaluate(&get(&made, "rawId")?, &options).await?;
    }
    let response = to_json(&made)?;
    Ok(Answered { response, prf })
}

/// Asks for a passkey by the server's options.
pub async fn ask(options: &str) -> Result<Answered, NoPasskey> {
    let options = parsed(options, "parseRequestOptionsFromJSON")?;
    let answered = called("get", &options).await?;
    let prf = prf_output(&answered)?;
    let response = to_json(&answered)?;
    Ok(Answered { response, prf })
}

/// The PRF of the passkey just made. What it signs is sent to nobody, so the challenge need not be the server's.
async fn evaluate(id: &JsValue, made_by: &JsValue) -> Result<Option<Vec<u8>>, NoPasskey> {
    let descriptor = Object::new();
    set(&descriptor, "type", &"public-key".into())?;
    set(&descriptor, "id", id)?;
    let options = Object::new();
    set(&options, "challenge", &get(made_by, "challenge")?)?;
    set(&options, "rpId", &get(&get(made_by, "rp")?, "id")?)?;
    set(&options, "allowCredentials", &Array::of1(&descriptor))?;
    set(&options, "userVerification", &"required".into())?;
    set_prf(&options)?;
    match called("get", &options).await {
        Ok(answered) => prf_output(&answered),
        // It is a second factor all the same.
        Err(_) => Ok(None),
    }
}

/// The server's options, with the PRF asked for.
fn parsed(options: &str, parse: &str) -> Result<Object, NoPasskey> {
    let class = class()?;
    let json = JSON::parse(options).map_err(|_| NoPasskey::Unable)?;
    let parse: Function = get(&class, parse)?
        .dyn_into()
        .map_err(|_| NoPasskey::Unable)?;
    let options = parse.call1(&class, &json).map_err(|_| NoPasskey::Unable)?;
    let options = options.unchecked_into();
    set_prf(&options)?;
    Ok(options)
}

fn set_prf(options: &Object) -> Result<(), NoPasskey> {
    let eval = Object::new();
    let input = Uint8Array::from(&vault::passkey_prf_input()[..]);
    set(&eval, "first", &input)?;
    let prf = Object::new();
    set(&prf, "eval", &eval)?;
    let extensions = match get(options, "extensions") {
        Ok(extensions) => extensions.unchecked_into(),
        Err(_) => Object::new(),
    };
    set(&extensions, "prf", &prf)?;
    set(options, "extensions", &extensions)
}

/// `navigator.credentials.create` or `get`.
async fn called(method: &str, options: &Object) -> Result<JsValue, NoPasskey> {
    let navigator = window().ok_or(NoPasskey::Unable)?.navigator();
    let credentials = get(&navigator, "credentials")?;
    let method: Function = get(&credentials, method)?
        .dyn_into()
        .map_err(|_| NoPasskey::Unable)?;
    let argument = Object::new();
    set(&argument, "publicKey", options)?;
    let promise = method
        .call1(&credentials, &argument)
        .map_err(|_| NoPasskey::Unable)?;
    let promise: Promise = promise.dyn_into().map_err(|_| NoPasskey::Unable)?;
    JsFuture::from(promise).await.map_err(|error| {
        match get(&error, "name").ok().and_then(|name| name.as_string()) {
            Some(name) if name == "NotAllowedError" || name == "AbortError" => NoPasskey::Cancelled,
            Some(name) if name == "InvalidStateError" => NoPasskey::HasOne,
            _ => NoPasskey::Unable,
        }
    })
}

fn extension_results(credential: &JsValue) -> Result<JsValue, NoPasskey> {
    method(credential, "getClientExtensionResults")
}

fn prf_output(credential: &JsValue) -> Result<Option<Vec<u8>>, NoPasskey> {
    let results = get(&extension_results(credential)?, "prf").and_then(|prf| get(&prf, "results"));
    let first = results.and_then(|results| get(&results, "first"));
    Ok(first
        .ok()
        .and_then(|first| first.dyn_into::<ArrayBuffer>().ok())
        .map(|first| Uint8Array::new(&first).to_vec()))
}

/// What the server gets: without what the PRF gave.
fn to_json(credential: &JsValue) -> Result<String, NoPasskey> {
    let json = method(credential, "toJSON")?;
    let results = get(&json, "clientExtensionResults")?.unchecked_into::<Object>();
    Reflect::delete_property(&results, &"prf".into()).map_err(|_| NoPasskey::Unable)?;
    JSON::stringify(&json)
        .map(String::from)
        .map_err(|_| NoPasskey::Unable)
}

fn class() -> Result<JsValue, NoPasskey> {
    let window = JsValue::from(window().ok_or(NoPasskey::Unable)?);
    get(&window, "PublicKeyCredential")
}

fn method(object: &JsValue, name: &str) -> Result<JsValue, NoPasskey> {
    let method: Function = get(object, name)?
        .dyn_into()
        .map_err(|_| NoPasskey::Unable)?;
    method.call0(object).map_err(|_| NoPasskey::Unable)
}

/// A property that is there.
fn get(object: &JsValue, name: &str) -> Result<JsValue, NoPasskey> {
    let value = Reflect::get(object, &name.into()).map_err(|_| NoPasskey::Unable)?;
    if value.is_undefined() || value.is_null() {
        return Err(NoPasskey::Unable);
    }
    Ok(value)
}

fn set(object: &Object, name: &str, value: &JsValue) -> Result<(), NoPasskey> {
    Reflect::set(object, &name.into(), value)
        .map(drop)
        .map_err(|_| NoPasskey::Unable)
}
