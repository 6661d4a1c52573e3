"""The audit pack of one building: everything an auditor asks for, as PDF and workbook."""
