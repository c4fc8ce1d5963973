import { Column, Entity, PrimaryColumn } from 'typeorm';

/** 가맹점: a business that may take payments. Columns and constraints are the migration's. */
@Entity({ name: 'merchants', synchronize: false })
export class Merchant {
  @PrimaryColumn('bigint')
  id!: number;

  @Column('text')
  cid!: string;

  /** Ten digits; null for the built-in merchant, which is no business. */
  @Column('text', { nullable: true })
  business_no!: string | null;

  @Column('text')
  opponent_name!: string;

  @Column('text')
  store_phone!: string;

  @Column('text')
  store_address1!: string;

  @Column('text')
  store_address2!: string;

  @Column('text', { nullable: true })
  post_no!: string | null;

  @Column('integer')
  category_cd!: number;

  @Column('text')
  status!: 'active' | 'suspended';

  @Column('boolean')
  built_in!: boolean;

  @Column('timestamptz')
  created_at!: Date;

  @Column('timestamptz')
  approved_at!: Date;

  /** Largest amount of one payment, won. */
  @Column('bigint', { nullable: true })
  payment_max!: number | null;
}
