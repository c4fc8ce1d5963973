import { clientNetworkOf, trustedProxies } from './client-address';

describe('a client', () => {
  it.each([
    ['192.0.2.1', '192.0.2.1'],
    ['::ffff:192.0.2.1', '192.0.2.1'],
    ['::ffff:c000:201', '192.0.2.1'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
    ['2001:0DB8:0001:0002::1', '2001:db8:1:2::/64'],
    ['2001:db8::1', '2001:db8:0:0::/64'],
    ['2001:db8:1::2:3:4:5', '2001:db8:1:0::/64'],
    ['1::2:3:4:5:6:7', '1:0:2:3::/64'],
    ['64:ff9b::192.0.2.1', '64:ff9b:0:0::/64'],
    ['1:2::3:4:5:192.0.2.1', '1:2:0:3::/64'],
    ['fe80::1%eth0', 'fe80:0:0:0::/64'],
    ['::1', '0:0:0:0::/64'],
    ['::', '0:0:0:0::/64'],
    ['nonsense', 'unknown'],
    ['', 'unknown'],
    ['192.0.2.1, 192.0.2.2', 'unknown'],
  ])('at %p is counted as %p', (ip, counted) => {
    expect(clientNetworkOf(ip)).toBe(counted);
  });
});

describe('TRUST_PROXY', () => {
  const read = (input: string) => trustedProxies()._parse(input);

  it.each([
    ['0', 0],
    ['2', 2],
    ['loopback', ['loopback']],
    ['10.0.0.0/8, fd00::/8,192.0.2.7', ['10.0.0.0/8', 'fd00::/8', '192.0.2.7']],
  ])('takes %p', (input, value) => {
    expect(read(input)).toEqual(value);
  });

  it.each(['true', '*', '', '11', '-1', '10.0.0.0/33', 'proxy.example', '10.0.0.0/8,'])('refuses %p', (input) => {
    expect(() => read(input)).toThrow('must be a number of proxies');
  });
});
