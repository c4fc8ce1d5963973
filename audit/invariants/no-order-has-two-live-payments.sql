-- An order is payable, or paid, by one payment at a time, and that is the newest one.
SELECT p.cid, p.order_id, count(*) AS payments
FROM payment.payments p
WHERE p.status IN ('READY', 'AUTHENTICATED', 'APPROVED', 'PARTIALLY_CANCELLED')
GROUP BY p.cid, p.order_id
HAVING count(*) > 1
    OR max(p.attempt) <> (SELECT max(attempt) FROM payment.payments n WHERE n.cid = p.cid AND n.order_id = p.order_id)
