import { html, jsonBlock } from './html';

describe('the html template', () => {
  it('shows text as text, in content and in attributes', () => {
    const name = `<script>alert("1")</script> & 'x'`;
    expect(String(html`<p title="${name}">${name}</p>`)).toBe(
      '<p title="&lt;script&gt;alert(&quot;1&quot;)&lt;/script&gt; &amp; &#39;x&#39;">' +
        '&lt;script&gt;alert(&quot;1&quot;)&lt;/script&gt; &amp; &#39;x&#39;</p>',
    );
  });

  it('takes its own parts as they are, and lists of them', () => {
    expect(String(html`<ul>${['<1>', 2].map((item) => html`<li>${item}</li>`)}</ul>`)).toBe(
      '<ul><li>&lt;1&gt;</li><li>2</li></ul>',
    );
  });

  it('shows nothing for what is not there, and zero as zero', () => {
    expect(String(html`${null}${undefined}${false}${0}${''}`)).toBe('0');
  });

  it('keeps backslashes and dollar signs as they are', () => {
    expect(String(html`a\n${'$& $1 \\'}`)).toBe('a\\n$&amp; $1 \\'.replace('a\\n', 'a\n'));
  });
});

describe('a block of JSON', () => {
  it('cannot be ended by what it holds', () => {
    const words = { bad: '</script><script>' };
    expect(String(jsonBlock(words))).not.toContain('<');
    expect(JSON.parse(String(jsonBlock(words)))).toEqual(words);
  });
});
