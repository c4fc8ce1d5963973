import type { PaymentMethodType, PaymentStatus } from '@oneq/contracts';
import { Column, Entity, PrimaryColumn } from 'typeorm';

/** A payment as it is read; it is written only by the statements of the commands beside this file. */
@Entity({ name: 'payments', synchronize: false })
export class Payment {
  @PrimaryColumn('bigint')
  id!: number;

  @Column('text')
  cid!: string;

  @Column('text')
  order_id!: string;

  @Column('integer')
  attempt!: number;

  @Column('text')
  merchant_name!: string;

  @Column('integer')
  category_cd!: number;

  @Column('text')
  opponent_name!: string;

  @Column('text')
  item_name!: string;

  @Column('text', { nullable: true })
  item_code!: string | null;

  @Column('text')
  member_id!: string;

  @Column('integer')
  quantity!: number;

  @Column('bigint')
  amount!: number;

  @Column('text', { nullable: true })
  permitted_method_type!: PaymentMethodType | null;

  @Column('bigint')
  wallet_id!: number;

  @Column('text')
  approval_url!: string;

  @Column('text')
  cancel_url!: string;

  @Column('text')
  fail_url!: string;

  @Column('smallint')
  checkout_version!: number;

  @Column('bigint')
  cancelled_amount!: number;

  @Column('text')
  status!: PaymentStatus;

  @Column('text', { nullable: true })
  payment_method_type!: PaymentMethodType | null;

  @Column('text', { nullable: true })
  tran_dt!: string | null;

  @Column('timestamptz')
  expires_at!: Date;

  /** UUID of the payer's request that ended it, if one did. */
  @Column('uuid', { nullable: true })
  closing_reference!: string | null;
}
