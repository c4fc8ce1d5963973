-- What a wallet holds in each pot is what came in less what went out, from its opening on.
WITH moved AS (
  SELECT account, sum(amount) AS amount
  FROM (
    SELECT credit_account AS account, amount FROM payment.transfers
    UNION ALL
    SELECT debit_account, -amount FROM payment.transfers
  ) movements
  GROUP BY account
), pots AS (
  SELECT 'wallet/' || id || '/money' AS account, money_balance AS balance FROM payment.wallets
  UNION ALL
  SELECT 'wallet/' || id || '/bank', bank_balance FROM payment.wallets
)
SELECT account, balance, coalesce(amount, 0) AS ledger
FROM pots FULL JOIN (SELECT * FROM moved WHERE account LIKE 'wallet/%') AS ledger USING (account)
WHERE coalesce(balance, 0) <> coalesce(amount, 0)
