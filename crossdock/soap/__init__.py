"""The door to zeep: SOAP services by their WSDL.

``contract`` fetches, pins and compares the WSDL, ``service`` builds requests and reads answers,
``faults`` says what a fault or an odd answer means.
"""
