//! How large an object is, by the same CEL text that admission evaluates.

use std::{cell::RefCell, collections::HashMap, rc::Rc, sync::Arc};

use kube_cel::{
    KubeCelExt,
    cel::{Context, Program, Value as Cel, objects::Map},
};
use serde_json::Value;

use super::Control;
use crate::{Quantity, Resources};

/// How large an object is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Size {
    /// The declared maximum of replicas.
    pub replicas: i64,
    /// What one replica takes, in the class's dimensions.
    pub per_replica: Resources,
}

impl Size {
    /// What all replicas take.
    pub fn total(&self) -> Resources {
        self.per_replica.times(self.replicas)
    }
}

/// An expression that could not be evaluated on an object.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{what} could not be read: {why} (expression: {expression})")]
pub struct MeasureError {
    /// `replicas` or the name of a dimension.
    pub what: String,
    /// What the evaluator says.
    pub why: String,
    /// The expression.
    pub expression: String,
}

/// How large `object` is, by the expressions of `control`. The object must be in the version that `control` reads.
pub fn measure(control: &Control, object: &Value) -> Result<Size, MeasureError> {
    let object = &context_of(object);
    let replicas = evaluate("replicas", &control.replicas, object)?;
    let replicas = replicas.divide_up(Quantity::from_units(1)).unwrap_or(i64::MAX);
    let per_replica = control
        .per_replica
        .iter()
        .map(|(dimension, expression)| Ok((dimension.clone(), evaluate(dimension, expression, object)?)))
        .collect::<Result<Resources, MeasureError>>()?;
    Ok(Size { replicas, per_replica })
}

/// What admission knows beside `object`. An expression over these could say anything about an object's size.
const NOT_THE_OBJECT: [&str; 6] = ["oldObject", "request", "params", "namespaceObject", "authorizer", "variables"];

/// Whether the expressions of `control` can be compiled and read nothing but `object`; the first that cannot.
pub fn check(control: &Control) -> Result<(), MeasureError> {
    let all = std::iter::once(("replicas", &control.replicas)).chain(control.per_replica.iter().map(|(d, e)| (d.as_str(), e)));
    for (what, expression) in all {
        let program = compile(what, expression)?;
        let references = program.references();
        if let Some(name) = NOT_THE_OBJECT.iter().find(|name| references.has_variable(name)) {
            return Err(error(what, expression, &format!("it reads {name}; a size is read from object alone")));
        }
        if !references.has_variable("object") {
            evaluate(what, expression, &context_of(&Value::Null))?; // the same for every object, so it can be tried here
        }
    }
    Ok(())
}

thread_local! {
    /// What was compiled: the scanner measures thousands of objects by the same few expressions.
    static COMPILED: RefCell<HashMap<String, Rc<Program>>> = RefCell::default();
}

/// More than a catalogue has. When there are so many, all are forgotten: they are of classes that have changed since.
const MOST_COMPILED: usize = 1000;

fn compile(what: &str, expression: &str) -> Result<Rc<Program>, MeasureError> {
    COMPILED.with_borrow_mut(|compiled| {
        if let Some(program) = compiled.get(expression) {
            return Ok(program.clone());
        }
        let program = Program::compile(expression).map_err(|e| error(what, expression, e.to_string().trim()))?;
        if compiled.len() >= MOST_COMPILED {
            compiled.clear();
        }
        let program = Rc::new(program);
        compiled.insert(expression.to_owned(), program.clone());
        Ok(program)
    })
}

fn error(what: &str, expression: &str, why: &str) -> MeasureError {
    MeasureError { what: what.to_owned(), why: why.to_owned(), expression: expression.to_owned() }
}

fn evaluate(what: &str, expression: &str, object: &Context<'_>) -> Result<Quantity, MeasureError> {
    match run(what, expression, object)? {
        Cel::Int(units) => Ok(Quantity::from_units(units)),
        Cel::Opaque(_) => as_quantity(what, expression, object),
        other => {
            Err(error(what, expression, &format!("it gives a {:?} where an integer or a quantity is needed", other.type_of())))
        }
    }
}

/// A quantity is opaque outside CEL, so CEL itself says how much it is: in milli-units, or whole ones if it is large.
fn as_quantity(what: &str, expression: &str, object: &Context<'_>) -> Result<Quantity, MeasureError> {
    if let Ok(Cel::Int(units)) = run(what, &format!("({expression}).asInteger()"), object) {
        return Ok(Quantity::from_units(units));
    }
    match run(what, &format!("({expression}).asApproximateFloat()"), object)? {
        Cel::Float(units) => format!("{units:.3}").parse().map_err(|e| error(what, expression, &format!("{e}"))),
        other => Err(error(what, expression, &format!("unexpected {:?}", other.type_of()))),
    }
}

fn run(what: &str, expression: &str, object: &Context<'_>) -> Result<Cel, MeasureError> {
    compile(what, expression)?.execute(object).map_err(|e| error(what, expression, &e.to_string()))
}

/// What expressions are evaluated in: the object, and the functions of the API server.
fn context_of(object: &Value) -> Context<'static> {
    let mut context = Context::default().with_all();
    context.add_variable_from_value("object", to_cel(object));
    context
}

/// JSON as the API server shows it to CEL: every whole number is an `int`. The crate's own conversion makes positive
/// ones `uint`, with which `object.spec.replicas + 1` has no meaning.
pub(crate) fn to_cel(value: &Value) -> Cel {
    match value {
        Value::Null => Cel::Null,
        Value::Bool(bool) => Cel::Bool(*bool),
        Value::Number(number) => number.as_i64().map_or_else(|| Cel::Float(number.as_f64().unwrap_or(f64::NAN)), Cel::Int),
        Value::String(text) => Cel::String(Arc::new(text.clone())),
        Value::Array(items) => Cel::List(Arc::new(items.iter().map(to_cel).collect())),
        Value::Object(fields) => {
            let map: HashMap<_, _> = fields.iter().map(|(key, value)| (key.clone().into(), to_cel(value))).collect();
            Cel::Map(Map { map: Arc::new(map) })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;
    use serde_json::json;

    fn control(replicas: &str, storage: &str) -> Control {
        serde_json::from_value(
            json!({"group": "k", "resource": "pools", "version": "v1", "replicas": replicas, "perReplica": {"storage": storage}}),
        )
        .expect("valid")
    }

    const STORAGE: &str = "object.spec.storage.type == 'jbod' ? object.spec.storage.volumes.map(v, quantity(v.size).asInteger()).sum() : quantity(object.spec.storage.size).asInteger()";

    #[rstest]
    #[case(json!({"replicas": 3, "storage": {"type": "persistent-claim", "size": "100Gi"}}), 3, "100Gi")]
    #[case(json!({"replicas": 1, "storage": {"type": "jbod", "volumes": [{"size": "100Gi"}, {"size": "1Ti"}]}}), 1, "1124Gi")]
    fn a_kafka_node_pool(#[case] spec: Value, #[case] replicas: i64, #[case] storage: &str) {
        let size = measure(&control("object.spec.replicas", STORAGE), &json!({"spec": spec})).expect("measures");
        assert_eq!((size.replicas, size.per_replica.get("storage")), (replicas, storage.parse().expect("valid")));
    }

    #[rstest]
    #[case("quantity('512m')", "512m")]
    #[case("quantity('1Ti')", "1Ti")]
    #[case("7", "7")]
    #[case("object.spec.replicas + 1", "4")]
    fn integers_and_quantities(#[case] expression: &str, #[case] amount: &str) {
        let size = measure(&control("1", expression), &json!({"spec": {"replicas": 3}})).expect("measures");
        assert_eq!(size.per_replica.get("storage"), amount.parse().expect("valid"));
    }

    #[test]
    fn what_cannot_be_read_is_an_error_and_never_zero() {
        let missing = measure(&control("object.spec.replicas", "1"), &json!({"spec": {}})).expect_err("no replicas");
        assert_eq!(missing.what, "replicas");
        assert!(measure(&control("1", "'text'"), &json!({})).is_err());
    }

    #[test]
    fn a_bad_expression_is_found_without_an_object() {
        assert!(check(&control("object.spec.replicas", STORAGE)).is_ok());
        let bad = check(&control("1 +", "1")).expect_err("does not compile");
        assert_eq!(bad.what, "replicas");
        let beside = check(&control("1", "has(oldObject.spec) ? 0 : 1")).expect_err("reads more than the object");
        assert!(beside.why.contains("oldObject"), "{beside}");
        assert!(check(&control("'three'", "1")).is_err() && check(&control("true", "1")).is_err());
        assert!(check(&control("3", "quantity('1Gi')")).is_ok());
    }
}
