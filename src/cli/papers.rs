//! Options around the papers that an archive is approved with.

use clap::Args;

use crate::papers::Contents;

/// How tables are written.
#[derive(Debug, Clone, Copy, Args)]
pub(super) struct TableArgs {
    /// Begin tables with a byte order mark, which spreadsheets of Korean and Chinese Windows need to read them as UTF-8
    #[arg(long)]
    csv_bom: bool,
}

impl TableArgs {
    pub(super) fn form(self) -> Contents {
        Contents { byte_order_mark: self.csv_bom }
    }
}
