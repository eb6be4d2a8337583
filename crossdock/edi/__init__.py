"""UN/EDIFACT: read, check, answer and write interchanges (ISO 9735, syntax 1 to 4).

``reader`` takes bytes and hands on one message at a time, ``writer`` makes the same bytes again,
``guide`` loads message guides (data, in ``edi/guides``), ``check`` says what is wrong and where.
"""
