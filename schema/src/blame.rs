//! Where something does not fit: the library says only that it does not.

use cddl_cat::context::{BasicContext, LookupContext};
use cddl_cat::ivt::{Array, Control, CtlOpCbor, Literal, Map, Node, Occur, Rule};
use ciborium::Value;

use super::{Outside, fits};

/// The innermost place at which `value` is not what `node` asks for; of several alternatives, that which fits furthest.
/// `None` where it fits.
pub(crate) fn find(
    rules: &BasicContext,
    rule: &str,
    node: &Node,
    value: &Value,
) -> Option<Outside> {
    let place = Place {
        rules,
        rule: rule.into(),
        path: Vec::new(),
        index: 0,
    };
    place.of(node, value).map(|failure| failure.outside)
}

/// Where the search stands.
#[derive(Clone)]
struct Place<'a> {
    rules: &'a BasicContext,
    rule: String,
    path: Vec<String>,
    /// In the innermost array.
    index: usize,
}

struct Failure {
    /// How deep, and how far into the innermost array.
    reach: (usize, usize),
    outside: Outside,
}

fn deeper(one: Failure, other: Failure) -> Failure {
    if other.reach > one.reach { other } else { one }
}

impl<'a> Place<'a> {
    fn step(&self, name: impl Into<String>) -> Self {
        let mut next = self.clone();
        next.path.push(name.into());
        next
    }

    /// An element of an array.
    fn element(&self, name: Option<&str>, index: usize) -> Self {
        let step = self.step(name.map_or_else(|| format!("[{index}]"), str::to_owned));
        Self { index, ..step }
    }

    fn inside(&self, rule: &str) -> Self {
        Self {
            rule: rule.into(),
            ..self.clone()
        }
    }

    fn failure(&self, reason: impl Into<String>) -> Failure {
        Failure {
            reach: (self.path.len(), self.index),
            outside: Outside {
                rule: self.rule.clone(),
                path: self.path.join("."),
                reason: reason.into(),
            },
        }
    }

    fn node(&self, rule: &str) -> Option<&'a Node> {
        self.rules.lookup_rule(rule).ok().map(|rule| &rule.node)
    }

    fn of(&self, node: &Node, value: &Value) -> Option<Failure> {
        if fits(self.rules, node, value) {
            return None;
        }
        let inner = match (node, value) {
            (Node::Rule(rule), _) => self
                .node(&rule.name)
                .and_then(|node| self.inside(&rule.name).of(node, value)),
            (Node::Choice(choice), _) => {
                let failures = choice.options.iter();
                failures
                    .filter_map(|option| self.of(option, value))
                    .reduce(deeper)
            }
            (Node::Control(Control::Cbor(cbor)), Value::Bytes(bytes)) => {
                let item = ciborium::from_reader::<Value, _>(bytes.as_slice());
                let node = Node::Rule(nested(cbor));
                item.ok()
                    .and_then(|item| self.step("<cbor>").of(&node, &item))
            }
            (Node::Array(array), Value::Array(items)) => self.of_array(array, items),
            (Node::Map(map), Value::Map(entries)) => self.of_map(map, entries),
            _ => None,
        };
        inner.or_else(|| Some(self.failure(format!("{}, where {node} is due", shown(value)))))
    }

    fn of_array(&self, array: &Array, items: &[Value]) -> Option<Failure> {
        let mut taker = Taker {
            items,
            next: 0,
            given_up: None,
        };
        for member in &array.members {
            if let Err(failure) = taker.take(self, member) {
                return Some(failure);
            }
        }
        if taker.next == items.len() {
            return None;
        }
        let extra = self
            .element(None, taker.next)
            .failure("nothing more is due");
        Some(match taker.given_up {
            Some(failure) => deeper(extra, failure),
            None => extra,
        })
    }

    fn of_map(&self, map: &Map, entries: &[(Value, Value)]) -> Option<Failure> {
        let mut left: Vec<&(Value, Value)> = entries.iter().collect();
        for member in &map.members {
            let (needed, pair) = match member {
                Node::Occur(Occur { limit: _, node }) => (false, &**node),
                pair => (true, pair),
            };
            let Node::KeyValue(pair) = pair else {
                continue;
            };
            let (here, others) = left
                .into_iter()
                .partition::<Vec<_>, _>(|(key, _)| fits(self.rules, &pair.key, key));
            left = others;
            if needed && here.is_empty() {
                return Some(self.failure(format!("key {} is missing", pair.key)));
            }
            let values = here.into_iter();
            let failure = values
                .filter_map(|(key, value)| {
                    self.step(format!("{{{}}}", shown(key)))
                        .of(&pair.value, value)
                })
                .next();
            if failure.is_some() {
                return failure;
            }
        }
        left.first()
            .map(|(key, _)| self.failure(format!("key {} is unknown", shown(key))))
    }
}

/// Goes through the elements of an array.
struct Taker<'v> {
    items: &'v [Value],
    next: usize,
    /// Why an optional element was taken for absent.
    given_up: Option<Failure>,
}

impl Taker<'_> {
    fn take(&mut self, place: &Place<'_>, member: &Node) -> Result<(), Failure> {
        match member {
            Node::KeyValue(pair) => {
                let name = match &*pair.key {
                    Node::Literal(Literal::Text(name)) => Some(name.as_str()),
                    _ => None,
                };
                self.take_one(&place.element(name, self.next), &pair.value)
            }
            Node::Occur(occur) => self.take_many(place, occur),
            Node::Group(group) => {
                let begun = self.next;
                for member in &group.members {
                    if let Err(failure) = self.take(place, member) {
                        self.next = begun;
                        return Err(failure);
                    }
                }
                Ok(())
            }
            Node::Choice(choice) => {
                let mut failed: Option<Failure> = None;
                for option in &choice.options {
                    match self.take(place, option) {
                        Ok(()) => return Ok(()),
                        Err(failure) => {
                            failed = Some(match failed {
                                Some(before) => deeper(before, failure),
                                None => failure,
                            });
                        }
                    }
                }
                failed.map_or(Ok(()), Err)
            }
            Node::Rule(rule) => match place.node(&rule.name) {
                Some(node @ (Node::Group(_) | Node::KeyValue(_))) => {
                    self.take(&place.inside(&rule.name), node)
                }
                _ => self.take_one(&place.element(None, self.next), member),
            },
            other => self.take_one(&place.element(None, self.next), other),
        }
    }

    fn take_many(&mut self, place: &Place<'_>, occur: &Occur) -> Result<(), Failure> {
        let (least, most) = occur.limits();
        for count in 0..most {
            let before = self.next;
            match self.take(place, &occur.node) {
                Ok(()) if self.next > before => {}
                Ok(()) => break,
                Err(failure) if count < least => return Err(failure),
                Err(failure) => {
                    self.given_up = Some(failure);
                    break;
                }
            }
        }
        Ok(())
    }

    fn take_one(&mut self, place: &Place<'_>, node: &Node) -> Result<(), Failure> {
        let Some(item) = self.items.get(self.next) else {
            return Err(place.failure("missing"));
        };
        if let Some(failure) = place.of(node, item) {
            return Err(failure);
        }
        self.next += 1;
        Ok(())
    }
}

/// The rule that a byte string's item has to fit: always a name in our schema. The library tells it nowhere else.
fn nested(cbor: &CtlOpCbor) -> Rule {
    let told = format!("{cbor:?}");
    let name = told.split('"').nth(1).unwrap_or_default();
    Rule {
        name: name.into(),
        generic_args: Vec::new(),
    }
}

/// A value in a few words: never its bytes, which may be secret.
fn shown(value: &Value) -> String {
    match value {
        Value::Integer(number) => i128::from(*number).to_string(),
        Value::Bytes(bytes) => format!("a byte string of {}", bytes.len()),
        Value::Text(text) => format!("a text of {} bytes", text.len()),
        Value::Array(items) => format!("an array of {}", items.len()),
        Value::Map(entries) => format!("a map of {}", entries.len()),
        Value::Bool(value) => value.to_string(),
        Value::Null => "null".into(),
        _ => "something that is not of the protocol".into(),
    }
}
