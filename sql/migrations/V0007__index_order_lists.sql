-- What lists of orders are narrowed by, each followed by the id, so that a page is one stretch of an
-- index. Everybody's orders are in the primary key. Both columns run in the same direction, as a
-- comparison of rows, (owner, id) < (…, …), has them.
--
-- No release is older than these, so that there is no large table yet to build them on CONCURRENTLY.

-- A caller's orders. It takes the place of the one that had the id the other way round.
DROP INDEX orders_owner_id_idx;
CREATE INDEX orders_owner_id_idx ON orders (owner, id);

-- A caller's orders in one status. One key and not two columns: with (owner, status, id) the planner
-- may take the index before for a short cut, and sort all orders of the owner.
CREATE INDEX orders_owner_status_id_idx ON orders ((owner || '/' || status), id);

-- Everybody's orders in one status: for staff.
CREATE INDEX orders_status_id_idx ON orders (status, id);

-- The orders of one address, however it is capitalized: for staff. Addresses are ASCII; "C" lowers that
-- and nothing else, the same under every locale and every version of its rules.
CREATE INDEX orders_customer_email_id_idx ON orders (lower(customer_email COLLATE "C"), id);
