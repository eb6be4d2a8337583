"""AS2: business documents over HTTP, signed, encrypted, compressed, with signed receipts (MDN).

Source: RFC 4130 and its successor in work, draft-ietf-ediint-rfc4130bis; RFC 5402 (compression),
RFC 5652 (CMS), RFC 8551 (S/MIME), RFC 3798 (MDN).
"""
