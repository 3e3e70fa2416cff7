// WHAT: A local variable of 16 MiB, by structs of structs.
// EXPECT: refused KP0408
using System.Linq;
using System.Collections.Generic;

Decision OnCr(CrEvent e)
{
    return Take() == 1 ? Keep(e.Old) : Allow;
}

struct A { public long V0, V1, V2, V3, V4, V5, V6, V7; }
struct B { public A V0, V1, V2, V3, V4, V5, V6, V7; }
struct C { public B V0, V1, V2, V3, V4, V5, V6, V7; }
struct D { public C V0, V1, V2, V3, V4, V5, V6, V7; }
struct E { public D V0, V1, V2, V3, V4, V5, V6, V7; }
struct F { public E V0, V1, V2, V3, V4, V5, V6, V7; }
struct G { public F V0, V1, V2, V3, V4, V5, V6, V7; }

long Take()
{
    G g = default;
    return Deep(ref g);
}

long Deep(ref G g) => g.V0.V0.V0.V0.V0.V0.V0;
