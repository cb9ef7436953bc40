-- The issuer of tokens whose subjects own orders by their `sub` alone: the one that this database was
-- first used with. Subjects of any other issuer own theirs as "<issuer> <sub>". At most one row;
-- nothing changes for orders that are there.
CREATE TABLE first_issuer (
    only_row boolean NOT NULL DEFAULT true,
    issuer   text    NOT NULL,

    CONSTRAINT first_issuer_pkey PRIMARY KEY (only_row),
    CONSTRAINT first_issuer_only_row CHECK (only_row)
);
