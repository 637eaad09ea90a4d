"""Who may talk to this host, and from where.

```
 network        Host and Origin of a request; which addresses may be bound without TLS      (pure)
 principal      who somebody is once a token was right
 admin_token    the file that the same user's commands read
 keys           keys.json: API keys as digests; made, listed and revoked by `bridge-host token`
 authenticator  a token ► a principal, or a refusal
```
"""
