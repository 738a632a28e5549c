"""Row-level security on PostgreSQL: whose rows a transaction reaches, and that no login is above being asked.

Every table has forced policies (migrations, ``isolate``) that compare its rows with the setting ``filmgate.scope``: a
tenant's name, or ``*`` for the engine. Superusers and roles with BYPASSRLS are never asked, so that where the login is
one, our sessions act as a plain role instead.
"""

import re

import asyncpg

from gateway.config.reading import NAME
from gateway.store.database import StoreError
from gateway.store.pool import Session

ROLE = "filmgate_app"
"""Whom sessions act as where the login is not bound by policies. Roles are shared by all databases of a server."""

_NAME = re.compile(NAME)
_ABOVE = "SELECT rolsuper OR rolbypassrls FROM pg_roles WHERE rolname = $1"
_LACKS = f"""
SELECT NOT has_schema_privilege('{ROLE}', current_schema(), 'USAGE') OR EXISTS (
  SELECT FROM pg_class WHERE relnamespace = current_schema()::regnamespace AND relkind IN ('r', 'p')
  AND NOT (SELECT bool_and(has_table_privilege('{ROLE}', pg_class.oid, verb))
           FROM unnest(ARRAY['SELECT', 'INSERT', 'UPDATE', 'DELETE']) verb)
) OR NOT EXISTS (
  SELECT FROM pg_default_acl, aclexplode(defaclacl) WHERE defaclnamespace = current_schema()::regnamespace
  AND defaclobjtype = 'r' AND defaclrole = to_regrole(session_user) AND grantee = to_regrole('{ROLE}')
)"""
_ALL = "SELECT, INSERT, UPDATE, DELETE"
# the lock is the migrations' own: a table that is altered can not be granted at the same time. Another database's
# replicas, which it does not hold, may make the role meanwhile
_GIVE = f"""
BEGIN READ WRITE;
SET LOCAL statement_timeout = 0;
SET LOCAL lock_timeout = '10min';
SELECT pg_advisory_xact_lock(7267017461);
DO $$ BEGIN
  IF to_regrole('{ROLE}') IS NULL THEN
    CREATE ROLE {ROLE} NOLOGIN NOSUPERUSER NOBYPASSRLS;
    EXECUTE format('GRANT {ROLE} TO %I', current_user);
  END IF;
EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL;
END $$;
DO $$ BEGIN
  EXECUTE format('GRANT USAGE ON SCHEMA %I TO {ROLE}', current_schema());
  EXECUTE format('GRANT {_ALL} ON ALL TABLES IN SCHEMA %I TO {ROLE}', current_schema());
  EXECUTE format('GRANT USAGE ON ALL SEQUENCES IN SCHEMA %I TO {ROLE}', current_schema());
  EXECUTE format('ALTER DEFAULT PRIVILEGES IN SCHEMA %I GRANT {_ALL} ON TABLES TO {ROLE}', current_schema());
  EXECUTE format('ALTER DEFAULT PRIVILEGES IN SCHEMA %I GRANT USAGE ON SEQUENCES TO {ROLE}', current_schema());
END $$;
COMMIT"""


def scoped(begin: str, tenant: str | None) -> str:
    """The message that begins a transaction: for a tenant it says so, until the transaction ends.

    Raises:
        StoreError: nobody can be called that.
    """
    if tenant is None:
        return begin
    if _NAME.match(tenant) is None:  # it stands in the text of a statement
        raise StoreError("a transaction was begun for somebody who can not be a tenant")
    return f"{begin}; SET LOCAL filmgate.scope = '{tenant}'"


async def bind(session: Session) -> str | None:
    """The role that sessions must act as so that policies hold, with the right to every table there is and will be;
    None for the login.

    Raises:
        StoreError: the login is above policies, and can not act as somebody who is not.
    """
    login = await session.fetchval("SELECT session_user")
    if not await session.fetchval(_ABOVE, login):
        return None
    try:
        if await session.fetchval("SELECT to_regrole($1) IS NULL", ROLE) or await session.fetchval(_LACKS):
            await session.execute(_GIVE)
        if await session.fetchval(_ABOVE, ROLE):
            raise _refusal(login, f"the role {ROLE} is a superuser or has BYPASSRLS too")
        await session.execute(f"SET ROLE {ROLE}; RESET ROLE")
    except asyncpg.InsufficientPrivilegeError as error:
        raise _refusal(login, str(error.args[0])) from error
    return ROLE


def _refusal(login: str, why: str) -> StoreError:
    return StoreError(
        f"row-level security, which keeps tenants apart, does not bind the database login {login} (a superuser, or one "
        f"with BYPASSRLS), and it can not act as {ROLE}: {why}. Use a login without either that owns the tables; or "
        f"let a superuser run CREATE ROLE {ROLE} NOLOGIN; GRANT {ROLE} TO {login}"
    )
