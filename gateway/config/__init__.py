"""What an operator decides, in one TOML file: read once into frozen values, every mistake reported together.

settings      the values everybody else imports
tables        accounts and tenants as the file spells them
secret_text   ``{ env = … }``, ``{ file = … }`` and literal texts, read into Secrets
reading       tables into Structs, noting every mistake on the way
accounts, tenants, checks   what the types can not say
places, excerpts, findings  where a mistake stands, and how it is shown
load          the way in: ``load`` and ``check``
environment   the only place that touches ``os.environ``
"""
