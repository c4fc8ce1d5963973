-- Every approved payment has exactly one capture, of its amount, from its wallet to its merchant.
SELECT p.id AS payment, p.status, p.amount, count(t.id) AS captures, sum(t.amount) AS captured
FROM payment.payments p
LEFT JOIN payment.transfers t ON t.payment_id = p.id AND t.kind = 'capture'
  AND t.credit_account = 'merchant/' || p.cid
  AND t.debit_account = 'wallet/' || p.wallet_id || '/' || CASE p.payment_method_type WHEN 'MONEY' THEN 'money' ELSE 'bank' END
WHERE p.approved_at IS NOT NULL
GROUP BY p.id
HAVING count(t.id) <> 1 OR sum(t.amount) <> p.amount
