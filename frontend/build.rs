//! Writes the sentences of `locales/` down for the page, so that it needs no parser of Fluent, and no rules of languages
//! that it does not speak.

#[path = "src/ui/text/marks.rs"]
mod marks;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::{env, fs, io};

use fluent_syntax::ast::{
    Entry, Expression, InlineExpression, Pattern, PatternElement, VariantKey,
};

use marks::{CHOICE, DEFAULT, DONE, END, MESSAGE, VALUE, VARIANT};

const ENGLISH: &str = "locales/en/main.ftl";

fn main() -> io::Result<()> {
    println!("cargo::rerun-if-changed={ENGLISH}");
    let source = fs::read_to_string(ENGLISH)?;
    let written = write(&source).map_err(|why| io::Error::other(format!("{ENGLISH}: {why}")))?;
    let out = PathBuf::from(env::var_os("OUT_DIR").unwrap_or_default());
    fs::write(out.join("english"), written)
}

fn write(source: &str) -> Result<String, String> {
    let resource = fluent_syntax::parser::parse(source)
        .map_err(|(_, errors)| format!("malformed: {errors:?}"))?;
    let mut messages = Messages::new();
    for entry in &resource.body {
        match entry {
            Entry::Message(message) if message.attributes.is_empty() => {
                let key = message.id.name;
                let pattern = message.value.as_ref();
                messages.insert(key, pattern.ok_or_else(|| format!("{key} is empty"))?);
            }
            Entry::Comment(_) | Entry::GroupComment(_) | Entry::ResourceComment(_) => {}
            Entry::Message(_) | Entry::Term(_) | Entry::Junk { .. } => {
                return Err("only messages without attributes are understood".into());
            }
        }
    }
    let mut out = String::new();
    for (key, pattern) in &messages {
        out.push_str(key);
        out.push('=');
        write_pattern(pattern, &messages, &mut out).map_err(|what| format!("{key}: {what}"))?;
        out.push(MESSAGE);
    }
    Ok(out)
}

/// By key.
type Messages<'a> = BTreeMap<&'a str, &'a Pattern<&'a str>>;

fn write_pattern(
    pattern: &Pattern<&str>,
    messages: &Messages<'_>,
    out: &mut String,
) -> Result<(), &'static str> {
    for element in &pattern.elements {
        match element {
            // Longer texts have lines.
            PatternElement::TextElement { value }
                if value.contains(|c: char| c.is_control() && c != '\n') =>
            {
                return Err("a text holds a control character");
            }
            PatternElement::TextElement { value } => out.push_str(value),
            PatternElement::Placeable { expression } => {
                write_expression(expression, messages, out)?;
            }
        }
    }
    Ok(())
}

fn write_expression(
    expression: &Expression<&str>,
    messages: &Messages<'_>,
    out: &mut String,
) -> Result<(), &'static str> {
    match expression {
        Expression::Inline(InlineExpression::VariableReference { id }) => {
            write_name(VALUE, id.name, out);
            Ok(())
        }
        Expression::Inline(InlineExpression::MessageReference {
            id,
            attribute: None,
        }) => {
            let other = messages.get(id.name).ok_or("there is no such message")?;
            write_pattern(other, messages, out)
        }
        Expression::Select {
            selector: InlineExpression::VariableReference { id },
            variants,
        } => {
            write_name(CHOICE, id.name, out);
            for variant in variants {
                out.push(VARIANT);
                if variant.default {
                    out.push(DEFAULT);
                }
                out.push_str(match variant.key {
                    VariantKey::Identifier { name } => name,
                    VariantKey::NumberLiteral { value } => value,
                });
                out.push(END);
                write_pattern(&variant.value, messages, out)?;
            }
            out.push(DONE);
            Ok(())
        }
        Expression::Inline(_) | Expression::Select { .. } => {
            Err("only values and other messages can be put in")
        }
    }
}

fn write_name(mark: char, name: &str, out: &mut String) {
    out.push(mark);
    out.push_str(name);
    out.push(END);
}
