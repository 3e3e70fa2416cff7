// WHAT: Dozens of blocks of stack memory in one method.
// EXPECT: stopped is nested too deeply
using System.Linq;
using System.Collections.Generic;

Decision OnCr(CrEvent e)
{
    Fill();
    return Allow;
}

long Fill()
{
    var sum = 0L;
    Span<decimal> b0 = stackalloc decimal[512]; sum += (long)b0[1];
    Span<decimal> b1 = stackalloc decimal[512]; sum += (long)b1[1];
    Span<decimal> b2 = stackalloc decimal[512]; sum += (long)b2[1];
    Span<decimal> b3 = stackalloc decimal[512]; sum += (long)b3[1];
    Span<decimal> b4 = stackalloc decimal[512]; sum += (long)b4[1];
    Span<decimal> b5 = stackalloc decimal[512]; sum += (long)b5[1];
    Span<decimal> b6 = stackalloc decimal[512]; sum += (long)b6[1];
    Span<decimal> b7 = stackalloc decimal[512]; sum += (long)b7[1];
    Span<decimal> b8 = stackalloc decimal[512]; sum += (long)b8[1];
    Span<decimal> b9 = stackalloc decimal[512]; sum += (long)b9[1];
    Span<decimal> b10 = stackalloc decimal[512]; sum += (long)b10[1];
    Span<decimal> b11 = stackalloc decimal[512]; sum += (long)b11[1];
    Span<decimal> b12 = stackalloc decimal[512]; sum += (long)b12[1];
    Span<decimal> b13 = stackalloc decimal[512]; sum += (long)b13[1];
    Span<decimal> b14 = stackalloc decimal[512]; sum += (long)b14[1];
    Span<decimal> b15 = stackalloc decimal[512]; sum += (long)b15[1];
    Span<decimal> b16 = stackalloc decimal[512]; sum += (long)b16[1];
    Span<decimal> b17 = stackalloc decimal[512]; sum += (long)b17[1];
    Span<decimal> b18 = stackalloc decimal[512]; sum += (long)b18[1];
    Span<decimal> b19 = stackalloc decimal[512]; sum += (long)b19[1];
    Span<decimal> b20 = stackalloc decimal[512]; sum += (long)b20[1];
    Span<decimal> b21 = stackalloc decimal[512]; sum += (long)b21[1];
    Span<decimal> b22 = stackalloc decimal[512]; sum += (long)b22[1];
    Span<decimal> b23 = stackalloc decimal[512]; sum += (long)b23[1];
    Span<decimal> b24 = stackalloc decimal[512]; sum += (long)b24[1];
    Span<decimal> b25 = stackalloc decimal[512]; sum += (long)b25[1];
    Span<decimal> b26 = stackalloc decimal[512]; sum += (long)b26[1];
    Span<decimal> b27 = stackalloc decimal[512]; sum += (long)b27[1];
    Span<decimal> b28 = stackalloc decimal[512]; sum += (long)b28[1];
    Span<decimal> b29 = stackalloc decimal[512]; sum += (long)b29[1];
    Span<decimal> b30 = stackalloc decimal[512]; sum += (long)b30[1];
    Span<decimal> b31 = stackalloc decimal[512]; sum += (long)b31[1];
    Span<decimal> b32 = stackalloc decimal[512]; sum += (long)b32[1];
    Span<decimal> b33 = stackalloc decimal[512]; sum += (long)b33[1];
    Span<decimal> b34 = stackalloc decimal[512]; sum += (long)b34[1];
    Span<decimal> b35 = stackalloc decimal[512]; sum += (long)b35[1];
    Span<decimal> b36 = stackalloc decimal[512]; sum += (long)b36[1];
    Span<decimal> b37 = stackalloc decimal[512]; sum += (long)b37[1];
    Span<decimal> b38 = stackalloc decimal[512]; sum += (long)b38[1];
    Span<decimal> b39 = stackalloc decimal[512]; sum += (long)b39[1];
    return sum;
}
