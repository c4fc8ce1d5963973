-- What is held in each pot of a wallet is what its authenticated payments will take, and nothing else.
WITH open AS (
  SELECT wallet_id,
         sum(CASE payment_method_type WHEN 'MONEY' THEN amount - top_up_amount ELSE 0 END) AS money,
         sum(CASE payment_method_type WHEN 'MONEY' THEN top_up_amount ELSE amount END) AS bank
  FROM payment.payments WHERE status = 'AUTHENTICATED' GROUP BY wallet_id
)
SELECT w.id AS wallet, w.money_held, coalesce(open.money, 0) AS money_open, w.bank_held, coalesce(open.bank, 0) AS bank_open
FROM payment.wallets w LEFT JOIN open ON open.wallet_id = w.id
WHERE w.money_held <> coalesce(open.money, 0) OR w.bank_held <> coalesce(open.bank, 0)
