"""What an operator decides, in one TOML file: read once into frozen values, every mistake reported together.

settings      the values everybody else imports
tables        accounts and tenants as the file spells them
secret_text   ``{ env = … }``, ``{ file = … }`` and literal texts, read into Secrets
spellings, addresses        money, moments, networks and origins
reading       tables into Structs, noting every mistake on the way
accounts, tenants, keys     what belongs together, understood
checks, rules, reach, webhooks, master_key   what the types can not say
places, elements, excerpts, telling, findings   where a mistake stands, and how it is shown
inventory, overrides        every key by its name, and what variables and options say instead of the file
showing, schema, descriptions   what is said of it all: to people, and to editors
starting      a first file
load          the way in: ``load`` and ``check``, and ``read_file`` for where everything came from
environment   the only place that touches ``os.environ``
"""
