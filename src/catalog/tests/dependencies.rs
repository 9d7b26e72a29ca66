//! What a bundle brings along, and what is said where that is not plain.

use serde_json::{Value, json};

use super::codes;
use crate::catalog::{Catalog, Closure, Start, dependencies};
use crate::version::Version;

/// A package with one channel; each version replaces the one before, and all have the same further properties.
fn package(name: &str, versions: &[&str], properties: &[Value]) -> Vec<Value> {
    let full = |version: &str| format!("{name}.v{version}");
    let entries: Vec<Value> = versions
        .iter()
        .enumerate()
        .map(|(at, version)| json!({"name": full(version), "replaces": at.checked_sub(1).map(|at| full(versions[at]))}))
        .collect();
    let mut values = vec![
        json!({"schema": "olm.package", "name": name, "defaultChannel": "c"}),
        json!({"schema": "olm.channel", "package": name, "name": "c", "entries": entries}),
    ];
    values.extend(versions.iter().map(|version| {
        let mut all = vec![json!({"type": "olm.package", "value": {"packageName": name, "version": version}})];
        all.extend(properties.to_vec());
        json!({"schema": "olm.bundle", "package": name, "name": full(version), "image": "r.example/a", "properties": all})
    }));
    values
}

fn requires(name: &str, range: &str) -> Value {
    json!({"type": "olm.package.required", "value": {"packageName": name, "versionRange": range}})
}

fn gvk(kind: &str, name: &str) -> Value {
    json!({"type": kind, "value": {"group": "g", "kind": name, "version": "v1"}})
}

fn constraint(value: &Value) -> Value {
    json!({"type": "olm.constraint", "value": value})
}

fn close(packages: &[Vec<Value>], targets: &[&str], installed: &[(&str, &str)]) -> Closure {
    let loaded = Catalog::from_values(&packages.concat());
    assert_eq!(loaded.findings, []);
    let bundles = || loaded.catalog.packages.values().flat_map(|package| package.bundles.values());
    let targets: Vec<_> =
        targets.iter().map(|name| bundles().find(|bundle| bundle.name == **name).unwrap()).collect();
    let starts: Vec<(&str, Start)> = installed
        .iter()
        .map(|(name, version)| {
            let version = Version::parse(version).unwrap();
            (*name, Start { name: format!("{name}.v{version}"), version })
        })
        .collect();
    let installed: Vec<(&str, &Start)> = starts.iter().map(|(name, start)| (*name, start)).collect();
    dependencies(&loaded.catalog, &targets, &installed)
}

fn chosen(closure: &Closure) -> Vec<&str> {
    closure.dependencies.values().map(|it| it.bundle.as_str()).collect()
}

#[test]
fn packages_come_along_and_bring_theirs() {
    let a = package("a", &["1.0.0"], &[requires("b", ">=1.0.0 <3.0.0"), gvk("olm.gvk.required", "B")]);
    let b = package("b", &["1.0.0", "2.0.0", "3.0.0"], &[requires("c", ">=0.1.0"), gvk("olm.gvk", "B")]);
    let c = package("c", &["0.1.0"], &[]);
    let closure = close(&[a.clone(), b.clone(), c.clone()], &["a.v1.0.0"], &[]);
    assert_eq!(closure.findings, []);
    assert_eq!(chosen(&closure), ["b.v2.0.0", "c.v0.1.0"]);
    assert_eq!(closure.dependencies["b"].reasons, ["`a.v1.0.0` requires b >=1.0.0 <3.0.0"]);
    // What runs and suits is not brought again; what runs and is too old is.
    assert_eq!(
        chosen(&close(&[a.clone(), b.clone(), c.clone()], &["a.v1.0.0"], &[("b", "1.5.0")])),
        Vec::<&str>::new()
    );
    let closure = close(&[a.clone(), b.clone(), c.clone()], &["a.v1.0.0"], &[("b", "0.9.0"), ("c", "0.1.0")]);
    assert_eq!(chosen(&closure), ["b.v2.0.0"]);
    let closure = close(&[a.clone(), b.clone(), c.clone()], &["a.v1.0.0", "b.v1.0.0"], &[]);
    assert_eq!(chosen(&closure), ["c.v0.1.0"]);
    let closure = close(&[a, b, c], &["a.v1.0.0", "b.v3.0.0"], &[]);
    assert_eq!(codes(&closure.findings), ["DEP_CONFLICT"]);
}

#[test]
fn several_ranges_narrow_the_choice() {
    let world = |second: &str| {
        vec![
            package("a", &["1.0.0"], &[requires("c", ">=1.0.0"), requires("b", ">=1.0.0")]),
            package("b", &["1.0.0"], &[requires("c", second)]),
            package("c", &["1.0.0", "2.0.0", "3.0.0"], &[]),
        ]
    };
    assert_eq!(chosen(&close(&world("<3.0.0"), &["a.v1.0.0"], &[])), ["b.v1.0.0", "c.v2.0.0"]);
    let closure = close(&world("<1.0.0"), &["a.v1.0.0"], &[]);
    assert_eq!(codes(&closure.findings), ["DEP_UNSATISFIED"]);
    assert!(closure.findings[0].message.ends_with("the highest version on offer is 3.0.0"));
}

#[test]
fn what_cannot_be_had() {
    for (properties, code) in [
        (requires("nobody", ">=1.0.0"), "DEP_UNSATISFIED"),
        (requires("b", ">=1.0"), "DEP_UNSATISFIED"),
        (requires("b", ">=7.0.0"), "DEP_UNSATISFIED"),
        (gvk("olm.gvk.required", "Nothing"), "DEP_UNSATISFIED"),
        (gvk("olm.gvk.required", "Both"), "DEP_AMBIGUOUS"),
        (constraint(&json!({"cel": {"rule": "true"}})), "CEL_UNCHECKED"),
        (constraint(&json!({"package": {}, "cel": {}})), "CONSTRAINT"),
        (
            constraint(
                &json!({"any": {"constraints": [{"package": {"packageName": "x", "versionRange": ">=1.0.0"}}]}}),
            ),
            "DEP_UNSATISFIED",
        ),
        (
            constraint(
                &json!({"not": {"constraints": [{"gvk": {"group": "g", "kind": "Own", "version": "v1"}}]}}),
            ),
            "DEP_FORBIDDEN",
        ),
    ] {
        let closure = close(
            &[
                package("a", &["1.0.0"], &[properties.clone(), gvk("olm.gvk", "Own")]),
                package("b", &["1.0.0"], &[gvk("olm.gvk", "Both")]),
                package("c", &["1.0.0"], &[gvk("olm.gvk", "Both")]),
            ],
            &["a.v1.0.0"],
            &[],
        );
        assert_eq!(codes(&closure.findings), [code], "{properties}");
    }
}

#[test]
fn compound_constraints_choose() {
    let package_b = json!({"package": {"packageName": "b", "versionRange": ">=1.0.0"}});
    let gvk_c = json!({"gvk": {"group": "g", "kind": "C", "version": "v1"}});
    let nobody = json!({"package": {"packageName": "nobody", "versionRange": ">=1.0.0"}});
    let world = |value: &Value| {
        vec![
            package("a", &["1.0.0"], &[constraint(value)]),
            package("b", &["1.0.0"], &[]),
            package("c", &["1.0.0"], &[gvk("olm.gvk", "C")]),
        ]
    };
    let all = json!({"all": {"constraints": [package_b, gvk_c]}});
    let any = json!({"any": {"constraints": [nobody, gvk_c, package_b]}});
    assert_eq!(chosen(&close(&world(&all), &["a.v1.0.0"], &[])), ["b.v1.0.0", "c.v1.0.0"]);
    assert_eq!(chosen(&close(&world(&any), &["a.v1.0.0"], &[])), ["c.v1.0.0"]);
    assert_eq!(chosen(&close(&world(&any), &["a.v1.0.0"], &[("b", "1.1.0")])), Vec::<&str>::new());
    assert_eq!(chosen(&close(&world(&any), &["a.v1.0.0", "b.v1.0.0"], &[])), Vec::<&str>::new());
    // Circles end.
    let a = package("a", &["1.0.0"], &[requires("b", ">=1.0.0")]);
    let b = package("b", &["1.0.0"], &[requires("c", ">=1.0.0")]);
    let c = package("c", &["1.0.0"], &[requires("b", "<2.0.0")]);
    let closure = close(&[a, b, c], &["a.v1.0.0"], &[]);
    assert_eq!(closure.findings, []);
    assert_eq!(chosen(&closure), ["b.v1.0.0", "c.v1.0.0"]);
}
