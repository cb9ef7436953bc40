-- A sample stationery shop for a local stack: products with fixed ids, and orders in every status.
-- Running it again changes nothing. Times are relative to now. All orders belong to the subject of the
-- token that `make up` makes for a customer.
BEGIN;

-- Ids end in 01 to 28, so that they can be typed.
INSERT INTO products (id, name, currency, price_minor, stock, stocked, active, created_at, updated_at)
SELECT ('019b76da-a800-7000-8000-0000000000' || p.no)::uuid,
       p.name, 'EUR', p.price_minor, p.stock, p.stock, p.active,
       now() - interval '120 days', now() - interval '120 days'
FROM (VALUES
    ('01', 'Fountain pen, fine nib',                  3490,  42, true),
    ('02', 'Fountain pen, broad nib',                 3490,  18, true),
    ('03', 'Rollerball pen, brass',                   4250,  27, true),
    ('04', 'Ink, bottle, midnight blue, 50 ml',       1290,  64, true),
    ('05', 'Ink, bottle, forest green, 50 ml',        1290,  31, true),
    ('06', 'Ink cartridges, black, 12 pieces',         590, 140, true),
    ('07', 'Notebook A5, dotted, 192 pages',          1450, 210, true),
    ('08', 'Notebook A5, ruled, 192 pages',           1450, 176, true),
    ('09', 'Notebook A6, plain, 96 pages',             890, 122, true),
    ('10', 'Sketchbook A4, 160 g/m²',                 1990,  38, true),
    ('11', 'Pencils, HB, 6 pieces',                    720,  95, true),
    ('12', 'Mechanical pencil, 0.5 mm',               1180,  57, true),
    ('13', 'Pencil leads, 0.5 mm, 2B',                 320, 180, true),
    ('14', 'Sharpener, brass, two holes',              640,  73, true),
    ('15', 'Eraser, vinyl',                            150, 260, true),
    ('16', 'Coloured pencils, 24 in a tin',           2750,  22, true),
    ('17', 'Watercolours, 12 half pans',              3980,  11, true),
    ('18', 'Brush pens, 8 colours',                   1890,  34, true),
    ('19', 'Washi tape, cherry blossom',               380, 154, true),
    ('20', 'Washi tape, plain, 5 rolls',               990,  88, true),
    ('21', 'Letter paper, laid, 50 sheets',           1350,  46, true),
    ('22', 'Envelopes C6, lined, 25 pieces',           980,  69, true),
    ('23', 'Sealing wax, burgundy, 4 sticks',         1120,   3, true),
    ('24', 'Desk pad, felt, 60 × 35 cm',              2990,  15, true),
    ('25', 'Pen roll, waxed canvas',                  4490,   8, true),
    ('26', 'Weekly planner, undated',                 1690,  52, true),
    -- Sold out, to show insufficient stock.
    ('27', 'Blotter, walnut, limited edition',        5900,   0, true),
    -- Not sold any more; kept for its orders.
    ('28', 'Typewriter ribbon, black and red',         850,   6, false)
) AS p (no, name, price_minor, stock, active)
ON CONFLICT (id) DO NOTHING;

-- The ink cartridges have their stock in four buckets.
WITH moved AS (
    UPDATE products p
    SET stock_buckets = 4, stock = 0
    FROM products before
    WHERE p.id = before.id AND p.id = '019b76da-a800-7000-8000-000000000006'
        AND NOT EXISTS (SELECT FROM order_history WHERE correlation_id = 'seed-01')
    RETURNING p.id, p.version, before.stock
)
INSERT INTO stock_buckets (product_id, bucket, stock, version)
SELECT m.id, n.bucket, m.stock / 4 + CASE WHEN n.bucket <= m.stock % 4 THEN 1 ELSE 0 END, m.version
FROM moved m
CROSS JOIN generate_series(1, 4) n (bucket);

-- One statement, because Aurora DSQL has no temporary tables.
WITH
-- In `lines`, "2x07" is two of product 07.
sample_orders AS MATERIALIZED (
    SELECT -- A UUIDv7 of the time of the order: 48 bits of milliseconds, version, rest.
           (lpad(to_hex(floor(extract(epoch FROM s.placed_at) * 1000)::bigint), 12, '0')
               || '7' || substr(s.digest, 1, 3) || '8' || substr(s.digest, 4, 15))::uuid AS id,
           -- The old form of numbers: the UTC day of the id, and its last 32 bits.
           'ORD-' || to_char(s.placed_at AT TIME ZONE 'UTC', 'YYYYMMDD') || '-'
               || upper(substr(s.digest, 11, 8)) AS number,
           'seed-' || s.no AS correlation_id,
           s.placed_at, s.status, s.cancelled_from, s.customer_name, s.customer_email, s.lines,
           -- The time between changes of status, the same on every run.
           s.placed_at + make_interval(secs => 2 + ('x' || substr(s.digest, 28, 1))::bit(4)::int) AS confirmed_at,
           s.placed_at + make_interval(mins => 420 + 37 * ('x' || substr(s.digest, 29, 1))::bit(4)::int) AS shipped_at,
           s.placed_at + make_interval(mins => 2700 + 91 * ('x' || substr(s.digest, 30, 1))::bit(4)::int) AS delivered_at,
           s.placed_at + make_interval(mins => 3 + ('x' || substr(s.digest, 31, 1))::bit(4)::int) AS cancelled_at
    FROM (
        SELECT o.*, date_trunc('milliseconds', now() - o.age::interval) AS placed_at, md5('waybill ' || o.no) AS digest
        FROM (VALUES
            ('01', '41 days 03:12:40', 'delivered', NULL,        'Aoife Byrne',            'aoife.byrne@example.com',     '1x01 2x04 1x07'),
            ('02', '38 days 21:45:07', 'delivered', NULL,        'Mateusz Wiśniewski',     'm.wisniewski@example.org',    '3x08 1x06'),
            ('03', '36 days 10:02:51', 'delivered', NULL,        'Chidinma Okafor',        'chidinma@example.net',        '1x17 1x10 2x15'),
            ('04', '35 days 17:30:19', 'cancelled', 'confirmed', 'Lukas Brandstätter',     'lukas.b@example.com',         '1x25'),
            ('05', '33 days 08:14:33', 'delivered', NULL,        'Sakura Tanaka',          'sakura.tanaka@example.com',   '6x19 2x20 1x18'),
            ('06', '31 days 12:59:02', 'delivered', NULL,        'Inés Gutiérrez Prada',   'ines.gutierrez@example.org',  '4x28 1x21'),
            ('07', '29 days 19:20:44', 'delivered', NULL,        'Aoife Byrne',            'aoife.byrne@example.com',     '1x05 1x06'),
            ('08', '27 days 06:41:15', 'delivered', NULL,        'Rajesh Subramaniam',     'rajesh.s@example.net',        '10x07 10x12 10x13'),
            ('09', '26 days 15:08:58', 'cancelled', 'pending',   'Freja Lindqvist',        'freja@example.com',           '1x16 1x14'),
            ('10', '24 days 11:33:26', 'delivered', NULL,        'Freja Lindqvist',        'freja@example.com',           '1x16 2x14'),
            ('11', '22 days 20:17:09', 'delivered', NULL,        'Nguyễn Thị Mai',         'mai.nguyen@example.org',      '2x09 1x11 1x15'),
            ('12', '21 days 09:54:47', 'delivered', NULL,        'Kwame Mensah',           'k.mensah@example.com',        '1x03 1x24'),
            ('13', '19 days 13:26:30', 'delivered', NULL,        'Élodie Marchand',        'elodie.marchand@example.net', '2x21 2x22 1x23'),
            ('14', '18 days 07:05:12', 'delivered', NULL,        'Giulia Ferrari',         'giulia.ferrari@example.com',  '1x02 1x04'),
            ('15', '16 days 22:48:55', 'delivered', NULL,        'Omar Haddad',            'omar.haddad@example.org',     '1x26'),
            ('16', '15 days 16:11:38', 'cancelled', 'confirmed', 'Petra Nováková',         'petra.novakova@example.com',  '2x17 4x18'),
            ('17', '14 days 05:39:21', 'delivered', NULL,        'Sione Tuilagi',          'sione@example.net',           '5x08 5x11 5x15 5x14'),
            ('18', '12 days 18:22:04', 'delivered', NULL,        'Sakura Tanaka',          'sakura.tanaka@example.com',   '3x19 1x09'),
            ('19', '11 days 10:57:49', 'delivered', NULL,        'Yusuf Demir',            'yusuf.demir@example.com',     '1x01 1x25 2x04 1x05'),
            ('20', '10 days 14:03:16', 'delivered', NULL,        'Marit van der Berg',     'marit@example.org',           '1x10 1x16'),
            ('21', '9 days 08:36:52',  'delivered', NULL,        'Kwame Mensah',           'k.mensah@example.com',        '2x03'),
            ('22', '8 days 19:14:27',  'delivered', NULL,        'Anahera Parata',         'anahera.parata@example.com',  '1x12 3x13 1x08'),
            ('23', '7 days 11:50:05',  'delivered', NULL,        'Mateusz Wiśniewski',     'm.wisniewski@example.org',    '2x08 2x06'),
            ('24', '6 days 21:07:43',  'cancelled', 'pending',   'João Figueiredo',        'joao.f@example.net',          '1x24'),
            ('25', '6 days 02:29:18',  'delivered', NULL,        'João Figueiredo',        'joao.f@example.net',          '1x24 1x26'),
            ('26', '4 days 23:44:59',  'delivered', NULL,        'Hana Kim',               'hana.kim@example.com',        '4x07 2x20 2x18'),
            ('27', '2 days 15:18:31',  'shipped',   NULL,        'Élodie Marchand',        'elodie.marchand@example.net', '1x23 1x22'),
            ('28', '2 days 09:02:10',  'shipped',   NULL,        'Tadhg Ó Murchú',         'tadhg@example.org',           '1x02 1x06 1x15'),
            ('29', '1 day 20:35:46',   'shipped',   NULL,        'Leila Rahimi',           'leila.rahimi@example.com',    '1x17 2x10 1x16 1x15'),
            ('30', '1 day 13:09:24',   'shipped',   NULL,        'Rajesh Subramaniam',     'rajesh.s@example.net',        '20x11 20x15'),
            ('31', '1 day 06:53:37',   'shipped',   NULL,        'Zanele Dlamini',         'zanele.dlamini@example.com',  '1x26 2x07'),
            ('32', '22:41:13',         'shipped',   NULL,        'Giulia Ferrari',         'giulia.ferrari@example.com',  '2x04'),
            ('33', '14:16:02',         'cancelled', 'confirmed', 'Omar Haddad',            'omar.haddad@example.org',     '1x01 1x04'),
            ('34', '11:38:50',         'confirmed', NULL,        'Noor Siddiqui',          'noor.siddiqui@example.org',   '1x03 1x07 1x06'),
            ('35', '08:05:29',         'confirmed', NULL,        'Bjørn Haugen',           'bjorn.haugen@example.com',    '2x21 2x22'),
            ('36', '05:47:08',         'confirmed', NULL,        'Anahera Parata',         'anahera.parata@example.com',  '2x13 1x15'),
            ('37', '02:22:56',         'confirmed', NULL,        'Wei Zhang',              'wei.zhang@example.net',       '1x18 1x10 3x19'),
            ('38', '00:51:34',         'confirmed', NULL,        'Camila Rojas Peña',      'camila.rojas@example.com',    '1x25 1x01'),
            ('39', '00:19:47',         'confirmed', NULL,        'Hana Kim',               'hana.kim@example.com',        '1x09 1x12'),
            ('40', '00:04:05',         'pending',   NULL,        'Dmytro Shevchenko',      'dmytro@example.org',          '1x02 2x05'),
            ('41', '00:02:38',         'pending',   NULL,        'Marit van der Berg',     'marit@example.org',           '3x07 1x14'),
            ('42', '00:00:52',         'pending',   NULL,        'Ngaire Thompson',        'ngaire.thompson@example.com', '1x16')
        ) AS o (no, age, status, cancelled_from, customer_name, customer_email, lines)
    ) AS s
    WHERE NOT EXISTS (SELECT FROM order_history WHERE correlation_id = 'seed-01')
),
sample_items AS MATERIALIZED (
    SELECT s.id AS order_id, l.line, p.id AS product_id, p.name, p.price_minor AS unit_price_minor,
           split_part(l.entry, 'x', 1)::integer AS quantity
    FROM sample_orders s
    CROSS JOIN LATERAL string_to_table(s.lines, ' ') WITH ORDINALITY AS l (entry, line)
    JOIN products p ON p.id = ('019b76da-a800-7000-8000-0000000000' || split_part(l.entry, 'x', 2))::uuid
),
-- The history of each order, one row a change.
sample_history AS MATERIALIZED (
    SELECT s.id AS order_id, row_number() OVER (PARTITION BY s.id ORDER BY step.at) AS version,
           lag(step.to_status) OVER (PARTITION BY s.id ORDER BY step.at) AS from_status,
           step.to_status, step.at, step.actor, s.correlation_id
    FROM sample_orders s
    CROSS JOIN LATERAL (VALUES
        ('pending',   s.placed_at,    'ada',           true),
        ('confirmed', s.confirmed_at, 'fulfill-order',
            s.status IN ('confirmed', 'shipped', 'delivered') OR s.cancelled_from = 'confirmed'),
        ('shipped',   s.shipped_at,   'grace',         s.status IN ('shipped', 'delivered')),
        ('delivered', s.delivered_at, 'grace',         s.status = 'delivered'),
        ('cancelled', s.cancelled_at, 'ada',           s.status = 'cancelled')
    ) AS step (to_status, at, actor, happened)
    WHERE step.happened
),
placed AS (
    INSERT INTO orders (id, number, owner, status, customer_name, customer_email, currency, total_minor,
                        item_count, version, created_at, updated_at)
    SELECT s.id, s.number, 'ada', s.status, s.customer_name, s.customer_email, 'EUR', i.total_minor,
           i.item_count, h.version, s.placed_at, h.at
    FROM sample_orders s
    JOIN (SELECT order_id, sum(unit_price_minor * quantity) AS total_minor, count(*) AS item_count
          FROM sample_items GROUP BY order_id) AS i ON i.order_id = s.id
    JOIN (SELECT order_id, max(version) AS version, max(at) AS at
          FROM sample_history GROUP BY order_id) AS h ON h.order_id = s.id
),
items AS (
    INSERT INTO order_items (order_id, line, product_id, name, unit_price_minor, quantity)
    SELECT order_id, line, product_id, name, unit_price_minor, quantity FROM sample_items
),
-- `stock` above is what is left after these orders, so `stocked` includes what they hold.
stocked AS (
    UPDATE products p
    SET stocked = p.stocked + held.quantity
    FROM (SELECT i.product_id, sum(i.quantity) AS quantity
          FROM sample_items i
          JOIN sample_orders s ON s.id = i.order_id
          WHERE s.status <> 'cancelled'
          GROUP BY i.product_id) AS held
    WHERE held.product_id = p.id
),
history AS (
    INSERT INTO order_history (order_id, version, from_status, to_status, at, actor, correlation_id)
    SELECT order_id, version, from_status, to_status, at, actor, correlation_id FROM sample_history
)
-- The jobs of pending orders, due in years, so that some orders stay pending. Set available_at to
-- now() to have them sent.
INSERT INTO outbox (id, order_id, kind, payload, correlation_id, available_at, created_at)
SELECT s.id, s.id, 'fulfillment_job',
       jsonb_build_object(
           'v', 1, 'order_id', s.id, 'number', s.number,
           'items', (SELECT jsonb_agg(jsonb_build_object('product_id', product_id, 'quantity', quantity) ORDER BY line)
                     FROM sample_items WHERE order_id = s.id),
           'correlation_id', s.correlation_id, 'traceparent', NULL,
           'placed_at', to_char(s.placed_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')),
       s.correlation_id, now() + interval '10 years', s.placed_at
FROM sample_orders s
WHERE s.status = 'pending';

COMMIT;
