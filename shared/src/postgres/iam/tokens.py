"""Prints the tokens that botocore makes for the clock and the keys in tests.rs, for tokens.txt:

.local/tools/bin/python shared/src/postgres/iam/tokens.py > shared/src/postgres/iam/tokens.txt
"""

import datetime
import os

# The signer in C reads the clock itself.
os.environ["BOTO_DISABLE_CRT"] = "true"

import botocore.auth
import botocore.session

botocore.auth.get_current_datetime = lambda: datetime.datetime(2026, 11, 29, 4, 5, 6)

CLUSTER = "iabtvzjmbfjqmbgrp2vg4nzxyz.dsql.eu-central-1.on.aws"
INSTANCE = "shop.c9akciq32.eu-central-1.rds.amazonaws.com"

for session_token in (None, "IQoJ+session/token=="):
    session = botocore.session.get_session()
    session.set_credentials("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", session_token)
    dsql = session.create_client("dsql", "eu-central-1")
    rds = session.create_client("rds", "eu-central-1")
    print(dsql.generate_db_connect_auth_token(CLUSTER))
    print(dsql.generate_db_connect_admin_auth_token(CLUSTER))
    print(rds.generate_db_auth_token(INSTANCE, 5432, "way bill+1"))
