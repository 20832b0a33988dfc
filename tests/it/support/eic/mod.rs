//! A simulation of Saviynt EIC's REST connector. It reads the files of a package and does what EIC
//! is documented to do with them: tokens, tests, imports of accounts and access, thresholds, tasks,
//! tickets.
//!
//! It follows Saviynt's public documentation and published connections. Comments mark what those
//! leave open.

mod connection;
pub mod groovy;
pub mod path;
pub mod site;
mod tasks;
mod walk;

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

pub use connection::Connection;
use groovy::Bindings;
pub use tasks::{Task, Ticket};

/// The files of a package, by name.
pub type Package = BTreeMap<String, Value>;

/// An account in EIC.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    pub columns: BTreeMap<String, String>,
    pub status: Status,
    /// Type and id of its entitlements.
    pub links: BTreeSet<(String, String)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    Active,
    Inactive,
    /// "SUSPENDED FROM IMPORT SERVICE": EIC renames the account, and does not recognise it when it
    /// comes back.
    Suspended,
}

/// An entitlement's columns, and whether it was in the last import.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entitlement {
    pub columns: BTreeMap<String, String>,
    pub active: bool,
}

/// EIC with one endpoint.
pub struct Eic {
    pub connection: Connection,
    pub accounts: BTreeMap<String, Account>,
    pub entitlements: BTreeMap<(String, String), Entitlement>,
}

/// A pause after one page of accounts: it is announced on the first channel, and ends on the
/// second.
pub struct Pause {
    pub after_page: usize,
    pub reached: tokio::sync::oneshot::Sender<()>,
    pub go_on: tokio::sync::oneshot::Receiver<()>,
}

/// The result of an import.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Done {
    /// Accounts that the import contained.
    pub accounts: usize,
    /// Accounts that it did not contain, and that were kept because there were too many of them.
    pub spared: usize,
}

impl Eic {
    pub fn new(connection: &Value) -> Self {
        let connection = Connection::new(connection, "acctAuth");
        Self { connection, accounts: BTreeMap::new(), entitlements: BTreeMap::new() }
    }

    /// *Application Data Import (Single Threaded)*, accounts and access.
    pub async fn import(&mut self, import: &Value, thresholds: &Value) -> Result<Done, String> {
        self.import_with(import, thresholds, None).await
    }

    /// The same, with a pause between pages.
    pub async fn import_with(
        &mut self,
        import: &Value,
        thresholds: &Value,
        pause: Option<Pause>,
    ) -> Result<Done, String> {
        let parameters = &import["accountParams"];
        // The import may have the threshold as well.
        let rules = parameters
            .get("statusAndThresholdConfig")
            .unwrap_or(&thresholds["statusAndThresholdConfig"]);
        let rows = self.rows(parameters, pause).await?;
        let mut done = self.apply_accounts(parameters, rules, &rows);
        done.accounts = rows.len();
        self.import_entitlements(import, rules, &rows).await?;
        self.import_links(import, rules, &rows).await?;
        Ok(done)
    }

    /// Returns the accounts as columns, by key, each with the JSON object that it was read from.
    async fn rows(
        &mut self,
        parameters: &Value,
        mut pause: Option<Pause>,
    ) -> Result<BTreeMap<String, (BTreeMap<String, String>, Value)>, String> {
        let mut rows = BTreeMap::new();
        for call in in_order(&parameters["call"]) {
            let between = async |page: usize| {
                if let Some(Pause { reached, go_on, .. }) =
                    pause.take_if(|pause| pause.after_page == page)
                {
                    reached.send(()).unwrap();
                    go_on.await.unwrap();
                }
            };
            let success = &parameters["successResponses"];
            let (items, end) =
                walk::items(&mut self.connection, call, success, &Bindings::new(), between).await;
            if let (Err(why), Some(true)) = (end, parameters["doNotChangeIfFailed"].as_bool()) {
                return Err(why);
            }
            for item in items {
                let columns = columns(&call["colsToPropsMap"], &item);
                let key = columns
                    .get(call["keyField"].as_str().unwrap())
                    .ok_or("an account has no key")?
                    .clone();
                rows.insert(key, (columns, item));
            }
        }
        Ok(rows)
    }

    fn apply_accounts(
        &mut self,
        parameters: &Value,
        rules: &Value,
        rows: &BTreeMap<String, (BTreeMap<String, String>, Value)>,
    ) -> Done {
        let missing: Vec<String> = self
            .accounts
            .iter()
            .filter(|(id, account)| !rows.contains_key(*id) && account.status == Status::Active)
            .map(|(id, _)| id.clone())
            .collect();
        let mut done = Done::default();
        let too_many = missing.len() as u64 > rules["accountThresholdValue"].as_u64().unwrap();
        if too_many || rules["accountsNotInImportAction"] == "NoAction" {
            done.spared = missing.len();
        } else {
            let status = if rules["inactivateAccountsNotInFile"] == true {
                Status::Inactive
            } else {
                Status::Suspended
            };
            for id in missing {
                self.accounts.get_mut(&id).unwrap().status = status;
            }
        }
        let call = in_order(&parameters["call"]).next().unwrap();
        let active = texts(&rules["activeStatus"]);
        for (id, (columns, _)) in rows {
            assert_eq!(columns[call["keyField"].as_str().unwrap()], *id);
            let raw = columns.get(rules["statusColumn"].as_str().unwrap());
            let status = if raw.is_some_and(|raw| active.contains(raw)) {
                Status::Active
            } else {
                Status::Inactive
            };
            let links = self.accounts.remove(id).map(|account| account.links).unwrap_or_default();
            let links = if status == Status::Inactive && rules["deleteLinks"] == true {
                BTreeSet::new()
            } else {
                links
            };
            self.accounts.insert(id.clone(), Account { columns: columns.clone(), status, links });
        }
        done
    }

    async fn import_entitlements(
        &mut self,
        import: &Value,
        rules: &Value,
        rows: &BTreeMap<String, (BTreeMap<String, String>, Value)>,
    ) -> Result<(), String> {
        let parameters = &import["entitlementParams"];
        let Some(types) = parameters["entTypes"].as_object() else { return Ok(()) };
        let mut types: Vec<(&String, &Value)> = types.iter().collect();
        types.sort_by_key(|(_, kind)| kind["entTypeOrder"].as_u64());
        for (kind, of_kind) in types {
            let mut found = BTreeMap::new();
            for call in in_order(&of_kind["call"]) {
                let success = &parameters["successResponses"];
                let (items, end) = walk::items(
                    &mut self.connection,
                    call,
                    success,
                    &Bindings::new(),
                    async |_| {},
                )
                .await;
                end?;
                for item in items {
                    let columns = columns(&call["colsToPropsMap"], &item);
                    let key = columns
                        .get(call["keyField"].as_str().unwrap())
                        .ok_or("an entitlement has no key")?;
                    found.insert(key.clone(), columns);
                }
            }
            let mapping = &import["accountParams"]["acctEntMappings"][kind];
            if mapping["importAsEntitlement"] == true {
                for (_, item) in rows.values() {
                    for one in list_at(item, mapping) {
                        let columns = columns(&mapping["colsToPropsMap"], one);
                        found.insert(
                            columns[mapping["keyField"].as_str().unwrap()].clone(),
                            columns,
                        );
                    }
                }
            }
            if rules["inactivateEntsNotInFeed"] == true {
                for ((_, id), entitlement) in
                    self.entitlements.iter_mut().filter(|((other, _), _)| other == kind)
                {
                    entitlement.active = found.contains_key(id);
                }
            }
            for (id, columns) in found {
                self.entitlements.insert((kind.clone(), id), Entitlement { columns, active: true });
            }
        }
        Ok(())
    }

    async fn import_links(
        &mut self,
        import: &Value,
        rules: &Value,
        rows: &BTreeMap<String, (BTreeMap<String, String>, Value)>,
    ) -> Result<(), String> {
        let parameters = &import["acctEntParams"];
        let Some(types) = parameters["entTypes"].as_object() else { return Ok(()) };
        for (kind, of_kind) in types {
            let call = in_order(&of_kind["call"]).next().unwrap();
            let found = if call["processingType"] == "acctToEntMapping" {
                links_in_accounts(&import["accountParams"]["acctEntMappings"][kind], rows)
            } else {
                self.links_by_call(parameters, kind, call).await?
            };
            for (id, account) in &mut self.accounts {
                let has = |one: &str| found.contains(&(id.clone(), one.to_owned()));
                if rules["deleteAccEntForActiveAccounts"] == true {
                    account.links.retain(|(other, one)| other != kind || has(one));
                }
            }
            for (account, id) in found {
                let known = self.entitlements.contains_key(&(kind.clone(), id.clone()));
                if let Some(account) = self.accounts.get_mut(&account).filter(|_| known) {
                    account.links.insert((kind.clone(), id));
                }
            }
        }
        Ok(())
    }

    /// Reads the accounts and the ids of their entitlements of one kind, by a call for each
    /// entitlement or by one for all.
    async fn links_by_call(
        &mut self,
        parameters: &Value,
        kind: &str,
        call: &Value,
    ) -> Result<BTreeSet<(String, String)>, String> {
        let success = parameters
            .get("successResponses")
            .cloned()
            .unwrap_or_else(|| json!({"statusCode": [200]}));
        let text = |item: &Value, name: &str| path::text(item, call[name].as_str().unwrap());
        let mut found = BTreeSet::new();
        match call["processingType"].as_str().unwrap() {
            "httpEntToAcct" => {
                let ids: Vec<String> = self
                    .entitlements
                    .keys()
                    .filter(|(other, _)| other == kind)
                    .map(|(_, id)| id.clone())
                    .collect();
                for id in ids {
                    let bindings = Bindings::from_iter([("id".to_owned(), json!(id))]);
                    let (items, end) =
                        walk::items(&mut self.connection, call, &success, &bindings, async |_| {})
                            .await;
                    end?;
                    let accounts = items.iter().filter_map(|item| text(item, "acctIdPath"));
                    found.extend(accounts.map(|account| (account, id.clone())));
                }
            }
            "http" => {
                let none = Bindings::new();
                let (items, end) =
                    walk::items(&mut self.connection, call, &success, &none, async |_| {}).await;
                end?;
                found.extend(
                    items
                        .iter()
                        .filter_map(|item| text(item, "acctIdPath").zip(text(item, "entIdPath"))),
                );
            }
            other => panic!("{other} is not understood"),
        }
        Ok(found)
    }
}

fn in_order(calls: &Value) -> impl Iterator<Item = &Value> {
    let mut calls: Vec<&Value> =
        calls.as_object().into_iter().flat_map(|calls| calls.values()).collect();
    calls.sort_by_key(|call| call["callOrder"].as_u64());
    calls.into_iter()
}

fn columns(map: &Value, item: &Value) -> BTreeMap<String, String> {
    let column = |(column, path): (&String, &Value)| {
        let path = path.as_str().unwrap();
        let stored = path.strip_suffix("~#~char").filter(|path| path.starts_with("STORE#"));
        Some((column.clone(), stored.map(str::to_owned).or_else(|| path::text(item, path))?))
    };
    map.as_object().unwrap().iter().filter_map(column).collect()
}

/// Returns the entitlements of an account for a mapping: a list, or the account itself.
fn list_at<'v>(item: &'v Value, mapping: &Value) -> Vec<&'v Value> {
    match mapping["listPath"].as_str().unwrap() {
        "" => vec![item],
        path => path::at(item, path).and_then(Value::as_array).into_iter().flatten().collect(),
    }
}

fn texts(list: &Value) -> Vec<String> {
    list.as_array().unwrap().iter().map(|one| one.as_str().unwrap().to_owned()).collect()
}

/// Reads the accounts and the ids of their entitlements of one kind from the rows of the accounts.
fn links_in_accounts(
    mapping: &Value,
    rows: &BTreeMap<String, (BTreeMap<String, String>, Value)>,
) -> BTreeSet<(String, String)> {
    let mut found = BTreeSet::new();
    for (account, (columns, item)) in rows {
        assert_eq!(columns["customproperty31"], "STORE#ACC#ENT#MAPPINGINFO");
        let entitlements = list_at(item, mapping);
        let ids = entitlements
            .iter()
            .filter_map(|one| path::text(one, mapping["idPath"].as_str().unwrap()));
        found.extend(ids.map(|id| (account.clone(), id)));
    }
    found
}
