//! Reads `kind/` as `kubectl kustomize` does, as far as its files go: resources, components, a ConfigMap of files, and
//! JSON patches. A key that is not known here fails the test, so that nothing is left out silently.

use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::{Map, Value, json};

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[expect(dead_code, reason = "only known fields are taken, not each is used")]
struct Kustomization {
    api_version: String,
    kind: String,
    #[serde(default)]
    resources: Vec<PathBuf>,
    #[serde(default)]
    components: Vec<PathBuf>,
    #[serde(default)]
    config_map_generator: Vec<Generator>,
    #[serde(default)]
    patches: Vec<Patch>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Generator {
    name: String,
    namespace: String,
    files: Vec<PathBuf>,
    options: Options,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Options {
    disable_name_suffix_hash: bool,
    labels: Value,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Patch {
    target: Target,
    patch: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Target {
    kind: String,
    name: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Operation {
    op: String,
    path: String,
    #[serde(default)]
    value: Value,
}

/// All objects of this folder of `kind/`, in the order of its files.
pub(crate) fn build(folder: &str) -> Vec<Value> {
    objects(&kind().join(folder))
}

/// The folder `kind/`.
pub(crate) fn kind() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("kind")
}

/// The documents of a YAML file.
pub(crate) fn documents(path: &Path) -> Vec<Value> {
    parse(&std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display())))
}

/// The documents of a YAML text.
pub(crate) fn parse(text: &str) -> Vec<Value> {
    let documents: Vec<Value> = serde_saphyr::from_multiple(text).unwrap_or_else(|error| panic!("{error}"));
    documents.into_iter().filter(|document| !document.is_null()).collect()
}

/// The object of this kind and name.
pub(crate) fn find<'a>(objects: &'a [Value], kind: &str, name: &str) -> &'a Value {
    let mut found = objects.iter().filter(|object| is(object, kind, name));
    let object = found.next().unwrap_or_else(|| panic!("no {kind} `{name}`"));
    assert!(found.next().is_none(), "{kind} `{name}` is there twice");
    object
}

fn is(object: &Value, kind: &str, name: &str) -> bool {
    object["kind"] == kind && object["metadata"]["name"] == name
}

fn objects(folder: &Path) -> Vec<Value> {
    let file = folder.join("kustomization.yaml");
    let text = std::fs::read_to_string(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    let wanted: Kustomization =
        serde_saphyr::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    let mut objects: Vec<Value> = Vec::new();
    for resource in wanted.resources.iter().chain(&wanted.components).map(|path| folder.join(path)) {
        objects.extend(if resource.is_dir() { self::objects(&resource) } else { documents(&resource) });
    }
    objects.extend(wanted.config_map_generator.iter().map(|generator| generator.config_map(folder)));
    for patch in &wanted.patches {
        let found = objects.iter_mut().find(|object| is(object, &patch.target.kind, &patch.target.name));
        let object = found.unwrap_or_else(|| panic!("{}: no {:?} to patch", file.display(), patch.target));
        let operations: Vec<Operation> = serde_saphyr::from_str(&patch.patch).unwrap();
        operations.iter().for_each(|operation| operation.apply(object));
    }
    objects
}

impl Generator {
    fn config_map(&self, folder: &Path) -> Value {
        assert!(self.options.disable_name_suffix_hash, "a name with a hash is not made here");
        let files = self.files.iter().map(|file| {
            let text = std::fs::read_to_string(folder.join(file)).unwrap();
            (file.to_str().unwrap().to_owned(), Value::String(text))
        });
        let metadata =
            json!({ "name": self.name, "namespace": self.namespace, "labels": self.options.labels });
        let data: Map<String, Value> = files.collect();
        json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data })
    }
}

impl Operation {
    fn apply(&self, object: &mut Value) {
        let (parent, last) = self.path.rsplit_once('/').unwrap();
        let last = last.replace("~1", "/").replace("~0", "~");
        let parent = object.pointer_mut(parent).unwrap_or_else(|| panic!("nothing at `{}`", self.path));
        match (self.op.as_str(), parent) {
            ("replace", Value::Object(map)) => *map.get_mut(&last).unwrap() = self.value.clone(),
            ("replace", Value::Array(items)) => items[last.parse::<usize>().unwrap()] = self.value.clone(),
            ("add", Value::Array(items)) if last == "-" => items.push(self.value.clone()),
            ("add", Value::Object(map)) => drop(map.insert(last, self.value.clone())),
            ("remove", Value::Object(map)) => drop(map.remove(&last).unwrap()),
            ("remove", Value::Array(items)) => drop(items.remove(last.parse().unwrap())),
            (op, _) => panic!("the patch `{op}` at `{}` is not known here", self.path),
        }
    }
}
