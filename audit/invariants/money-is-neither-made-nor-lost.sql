-- What came from outside is in the wallets or owed to merchants, to the won.
WITH sums AS (
  SELECT (SELECT coalesce(sum(money_balance + bank_balance), 0) FROM payment.wallets) AS in_wallets,
         coalesce(sum(amount) FILTER (WHERE debit_account LIKE 'outside/%'), 0)
         - coalesce(sum(amount) FILTER (WHERE credit_account LIKE 'outside/%'), 0) AS from_outside,
         coalesce(sum(amount) FILTER (WHERE credit_account LIKE 'merchant/%'), 0)
         - coalesce(sum(amount) FILTER (WHERE debit_account LIKE 'merchant/%'), 0) AS owed_to_merchants
  FROM payment.transfers
)
SELECT * FROM sums WHERE from_outside <> in_wallets + owed_to_merchants
