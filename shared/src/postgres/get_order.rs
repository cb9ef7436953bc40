//! Reading an order.

use super::connection::Database;
use super::rows;
use super::statements::GET_ORDER;
use crate::Error;
use crate::app::ReadOrder;
use crate::domain::{Order, OrderId, Owner, Visible};

impl ReadOrder for Database {
    async fn order(&self, visible: Visible<'_>, id: OrderId) -> Result<Option<Order>, Error> {
        let owner = visible.owner().map(Owner::as_str);
        let rows = self.query(GET_ORDER, &[&owner, &id.as_uuid()]).await?;
        rows.first().map(rows::order).transpose()
    }
}
