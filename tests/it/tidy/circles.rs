//! Import cycles: two source files never import each other, neither directly nor through others.
//!
//! A file imports another if it names something of it by a path that begins with `crate`, `super`
//! or `self`, outside comments and unit tests. A name that a `mod.rs` re-exports counts as a name
//! of the file that defines it.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// A module: the names on its path.
type Module = Vec<String>;

/// A file without comments and unit tests.
struct Source {
    code: String,
    /// The names that it re-exports, with the paths that they stand for.
    exports: BTreeMap<String, Module>,
}

fn rust_files(folder: &Path) -> Vec<PathBuf> {
    let mut all = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            all.extend(rust_files(&path));
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            all.push(path);
        }
    }
    all
}

fn module_of(file: &Path, root: &Path) -> Module {
    let mut names: Module = file
        .strip_prefix(root)
        .unwrap()
        .with_extension("")
        .iter()
        .map(|name| name.to_string_lossy().into_owned())
        .collect();
    if names.last().is_some_and(|name| ["mod", "lib", "main"].contains(&name.as_str())) {
        names.pop();
    }
    names
}

fn code_of(text: &str) -> String {
    let lines = text.lines().map(|line| line.split("//").next().unwrap_or_default());
    let code = lines.collect::<Vec<_>>().join("\n");
    code.split("#[cfg(test)]\nmod ").next().unwrap_or_default().to_owned()
}

/// The trees of all `use` statements: those that re-export, or those that do not.
fn use_trees(code: &str, re_exporting: bool) -> Vec<&str> {
    let mut trees = Vec::new();
    let mut rest = code;
    while let Some(at) = rest.find("use ") {
        let (before, after) = rest.split_at(at);
        let line = before.rsplit('\n').next().unwrap_or_default().trim();
        // A word that ends in `use`, such as `because`, begins no statement.
        if !(line.is_empty() || line.starts_with("pub")) {
            rest = &after["use ".len()..];
            continue;
        }
        let end = after.find(';').unwrap_or(after.len());
        if (line.is_empty() || line.starts_with("pub")) && line.starts_with("pub") == re_exporting {
            trees.push(after["use ".len()..end].trim());
        }
        rest = &after[end..];
    }
    trees
}

/// Expands a tree such as `a::{b, c as d}` to its paths, each with the name that it introduces.
fn expand(prefix: &[String], tree: &str, paths: &mut Vec<(Module, String)>) {
    let names = |text: &str| -> Module {
        text.split("::").map(str::trim).filter(|name| !name.is_empty()).map(str::to_owned).collect()
    };
    let Some((head, inner)) = tree.split_once('{') else {
        let (path, alias) = tree.split_once(" as ").unwrap_or((tree, ""));
        let path = [prefix, &names(path)].concat();
        let own = path.last().cloned().unwrap_or_default();
        paths.push((path, if alias.is_empty() { own } else { alias.trim().to_owned() }));
        return;
    };
    let prefix = [prefix, &names(head)].concat();
    let inner = inner.rsplit_once('}').map_or(inner, |(inner, _)| inner);
    let mut depth = 0;
    let mut part = String::new();
    for letter in inner.chars().chain([',']) {
        match letter {
            ',' if depth == 0 => {
                if !part.trim().is_empty() {
                    expand(&prefix, part.trim(), paths);
                }
                part.clear();
                continue;
            }
            '{' => depth += 1,
            '}' => depth -= 1,
            _ => {}
        }
        part.push(letter);
    }
}

/// The paths in expressions and types, such as `super::rows::user`.
fn inline_paths(code: &str) -> Vec<Module> {
    let is_name = |letter: char| letter.is_alphanumeric() || letter == '_' || letter == ':';
    code.split(|letter| !is_name(letter))
        .filter(|word| word.contains("::"))
        .map(|word| word.split("::").filter(|name| !name.is_empty()).map(str::to_owned).collect())
        .collect()
}

/// The path from the root of the crate; `None` for a path into another crate.
fn absolute(module: &Module, path: &[String], children: &BTreeSet<&str>) -> Option<Module> {
    let first = path.first()?.as_str();
    match first {
        "crate" => Some(path[1..].to_vec()),
        "self" => Some([module.as_slice(), &path[1..]].concat()),
        "super" => {
            let ups = path.iter().take_while(|name| *name == "super").count();
            let base = module.len().checked_sub(ups)?;
            Some([&module[..base], &path[ups..]].concat())
        }
        child if children.contains(child) => Some([module.as_slice(), path].concat()),
        _ => None,
    }
}

/// The module whose file defines what a path names.
fn defining(sources: &BTreeMap<Module, Source>, path: &[String], depth: usize) -> Option<Module> {
    for length in (0..=path.len()).rev() {
        let Some(source) = sources.get(&path[..length]) else { continue };
        let named = path.get(length).and_then(|name| source.exports.get(name));
        return match named {
            Some(target) if depth < 8 && target != path => defining(sources, target, depth + 1),
            _ => Some(path[..length].to_vec()),
        };
    }
    None
}

/// All modules that can be reached from one by imports.
fn reachable<'a>(
    imports: &'a BTreeMap<Module, BTreeSet<Module>>,
    from: &Module,
) -> BTreeSet<&'a Module> {
    let mut found = BTreeSet::new();
    let mut open: Vec<&Module> = imports.get(from).into_iter().flatten().collect();
    while let Some(module) = open.pop() {
        if found.insert(module) {
            open.extend(imports.get(module).into_iter().flatten());
        }
    }
    found
}

#[test]
fn no_files_import_each_other_in_a_circle() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut sources: BTreeMap<Module, Source> = BTreeMap::new();
    for file in rust_files(&root) {
        let module = module_of(&file, &root);
        if !module.iter().any(|name| name == "tests") && !file.ends_with("main.rs") {
            let code = code_of(&fs::read_to_string(&file).unwrap());
            sources.insert(module, Source { code, exports: BTreeMap::new() });
        }
    }
    let modules: BTreeSet<Module> = sources.keys().cloned().collect();
    let children = |module: &Module| -> BTreeSet<&str> {
        let below = |other: &&Module| {
            other.len() == module.len() + 1 && other.starts_with(module.as_slice())
        };
        modules.iter().filter(below).filter_map(|other| other.last()).map(String::as_str).collect()
    };
    for (module, source) in &mut sources {
        let mut paths = Vec::new();
        for tree in use_trees(&source.code, true) {
            expand(&[], tree, &mut paths);
        }
        for (path, name) in paths {
            if let Some(target) = absolute(module, &path, &children(module)) {
                source.exports.insert(name, target);
            }
        }
    }
    let mut imports: BTreeMap<Module, BTreeSet<Module>> = BTreeMap::new();
    for (module, source) in &sources {
        let mut paths = Vec::new();
        for tree in use_trees(&source.code, false) {
            expand(&[], tree, &mut paths);
        }
        let mut code = source.code.clone();
        for tree in use_trees(&source.code, true) {
            code = code.replacen(tree, "", 1);
        }
        let paths = paths.into_iter().map(|(path, _)| path).chain(inline_paths(&code));
        let targets: BTreeSet<Module> = paths
            .filter_map(|path| absolute(module, &path, &children(module)))
            .filter_map(|path| defining(&sources, &path, 0))
            .filter(|target| target != module)
            .collect();
        imports.insert(module.clone(), targets);
    }
    let in_circles: BTreeSet<&Module> =
        modules.iter().filter(|module| reachable(&imports, module).contains(module)).collect();
    let unexpected: Vec<String> = in_circles.iter().map(|module| module.join("::")).collect();
    assert!(unexpected.is_empty(), "these files import each other in circles: {unexpected:?}");
}
