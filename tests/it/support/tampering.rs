//! Changes of the database by hand, which the verification must find.

use intercom_scim_bridge::ledger::Ledger;
use sea_orm::{ConnectionTrait, DatabaseConnection};

use super::hand::findings;

/// Tables of a ledger that a test changes by hand and then restores.
pub struct Tampering<'a> {
    pub ledger: &'a Ledger,
    pub connection: &'a DatabaseConnection,
    pub tables: &'a [&'a str],
}

/// What a change by hand did.
pub struct Tampered {
    /// The number of rows that the change affected.
    pub rows: u64,
    /// The findings of the verification after the change.
    pub findings: Vec<String>,
}

impl Tampering<'_> {
    /// Executes statements, separated by `;`, verifies the ledger, and restores the tables.
    ///
    /// Asserts that the statements changed something, and that the restored ledger is whole.
    pub async fn change(&self, statements: &str) -> Tampered {
        for table in self.tables {
            self.execute(&format!("DROP TABLE IF EXISTS kept_{table}")).await;
            self.execute(&format!("CREATE TABLE kept_{table} AS SELECT * FROM {table}")).await;
        }
        let mut rows = 0;
        for statement in statements.split(';') {
            rows += self.execute(statement).await;
        }
        assert!(rows > 0, "{statements}");
        let tampered = Tampered { rows, findings: findings(self.ledger).await };
        for table in self.tables {
            self.execute(&format!("DELETE FROM {table}")).await;
            self.execute(&format!("INSERT INTO {table} SELECT * FROM kept_{table}")).await;
        }
        let left = findings(self.ledger).await;
        assert_eq!(left, Vec::<String>::new(), "restored after {statements}");
        tampered
    }

    /// Asserts that the verification has a finding with this beginning after the change.
    pub async fn assert_found(&self, statements: &str, expected: &str) {
        let Tampered { findings, .. } = self.change(statements).await;
        assert!(
            findings.iter().any(|finding| finding.starts_with(expected)),
            "{statements}: {findings:?}"
        );
    }

    /// Executes one statement, and returns the number of rows that it affected.
    async fn execute(&self, statement: &str) -> u64 {
        self.connection.execute_unprepared(statement).await.unwrap().rows_affected()
    }
}
