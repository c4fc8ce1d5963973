-- No pot, no hold and no transfer is below zero, and no more is held than is there.
SELECT 'wallet ' || id AS broken FROM payment.wallets
WHERE least(money_balance, money_held, bank_balance, bank_held) < 0 OR money_held > money_balance OR bank_held > bank_balance
UNION ALL
SELECT 'transfer ' || id FROM payment.transfers WHERE amount <= 0
