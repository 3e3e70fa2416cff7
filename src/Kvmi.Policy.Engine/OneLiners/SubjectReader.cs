using Kvmi.Policy.Engine.Code;
using Kvmi.Policy.Engine.Configuration.Reading;
using Kvmi.Policy.Engine.Configuration.Yaml;
using Kvmi.Protocol;

namespace Kvmi.Policy.Engine.OneLiners;

/// <summary>Reads the event and its brackets: msr[lstar], cr[4, clearedBits=smep], pf[0x1000-0x2000:w], trap[14].</summary>
internal static class SubjectReader
{
    // What a word without a key means.
    private static readonly Dictionary<EventKind, string> Keys = new()
    {
        [EventKind.Cr] = "cr",
        [EventKind.Msr] = "msr",
        [EventKind.PageFault] = "gpa",
        [EventKind.Breakpoint] = "gpa",
        [EventKind.Descriptor] = "descriptor",
        [EventKind.Hypercall] = "rax",
        [EventKind.Xsetbv] = "xcr",
        [EventKind.Trap] = "vector",
        [EventKind.CreateVcpu] = "vcpu",
        [EventKind.Cpuid] = "function",
    };

    /// <summary>Reads the name of the event.</summary>
    public static PolicyEventInfo ReadEvent(Tokens tokens)
    {
        var token = tokens.Next;
        var names = PolicyEvents.All.Select(info => info.Name).ToArray();
        if (token.Kind != TokenKind.Name)
        {
            throw tokens.Error(token.Start, $"Expected the name of an event, found {token}.", $"possible: {string.Join(", ", names)}");
        }

        tokens.Take();
        var name = token.Text;
        while (tokens.Is("-") && tokens.Second.Kind == TokenKind.Name)
        {
            tokens.Take();
            name += "-" + tokens.Take().Text;
        }

        var info = PolicyEvents.Find(name) ?? throw tokens.Error(token.Start, $"There is no event {Quoting.Quote(name)}.", Spelling.Hint(name, names));
        return info.Kind == EventKind.Singlestep
            ? throw tokens.Error(token.Start, "A single step comes only when a handler asks for it, and a one-liner cannot.", "write a policy: kvmi-policy new NAME")
            : info;
    }

    /// <summary>Reads the brackets, when there are some.</summary>
    public static Subject Read(Tokens tokens, PolicyEventInfo info, ExpressionReader reader)
    {
        var subject = new Subject();
        if (tokens.TryTake("["))
        {
            do
            {
                ReadItem(tokens, info, reader, subject);
            }
            while (tokens.TryTake(","));

            tokens.Expect("]");
        }

        var cr = subject.Find("cr")?.Ranges[0].First;
        var msrs = subject.Find("msr")?.Ranges ?? [];
        reader.Bits = BitNames.Of((int?)cr, msrs, info.Kind == EventKind.Xsetbv);
        return subject;
    }

    private static void ReadItem(Tokens tokens, PolicyEventInfo info, ExpressionReader reader, Subject subject)
    {
        var start = tokens.Next.Start;
        if (tokens.Next.Kind == TokenKind.Name && tokens.Second is { Kind: TokenKind.Sign, Text: "=" or "==" or "(" })
        {
            throw tokens.Error(start, "The brackets say which events are meant, without a condition.", $"write it behind: {info.Name}[...] when {tokens.Next.Text} ...");
        }

        switch (info.Kind)
        {
            case EventKind.PageFault:
                ReadPage(tokens, reader, subject);
                break;
            case EventKind.Descriptor:
                ReadTable(tokens, reader, subject);
                break;
            default:
                AddNumbers(tokens, reader.ReadValues(Keys[info.Kind], mayBeList: true), start, info, subject);
                break;
        }
    }

    private static void AddNumbers(Tokens tokens, FilterPart values, int start, PolicyEventInfo info, Subject subject)
    {
        var first = values.Ranges[0];
        if (info.Kind is EventKind.Cr or EventKind.Xsetbv)
        {
            var isOne = values.Ranges is [{ First: var number, Last: var last }] && number == last && number <= 255;
            if (!isOne || (info.Kind == EventKind.Cr && first.First is not (0 or 3 or 4)) || subject.Find(values.Key) is not null)
            {
                throw tokens.Error(start, info.Kind == EventKind.Cr ? "KVM reports the control registers 0, 3 and 4, and a one-liner is about one of them." : "One register is possible here.");
            }

            values = values with { Value = first.First.ToString(System.Globalization.CultureInfo.InvariantCulture) };
        }

        if (info.Kind == EventKind.Msr && values.Ranges.FirstOrDefault(range => !MsrNames.IsControllable(range)) is { Last: > 0 })
        {
            throw tokens.Error(start, "This MSR cannot be intercepted: KVM covers 0 to 0x1fff and 0xc0000000 to 0xc0001fff.");
        }

        if (info.Kind == EventKind.Hypercall)
        {
            var tests = values.Ranges.Select(range => $"(e.Regs.Rax >= {ExpressionReader.Hex(range.First)}UL && e.Regs.Rax <= {ExpressionReader.Hex(range.Last)}UL)");
            subject.Conditions.Add(new Expression($"({string.Join(" || ", tests)})", ExpressionType.Condition, start));
            subject.Demands.Add(new Demand("rax", DemandKind.Equal, first.First));
            return;
        }

        // msr[lstar, star] and msr[lstar | star] are the same.
        if (subject.Find(values.Key) is { } before)
        {
            subject.Filters.Remove(before);
            values = new FilterPart(values.Key, $"[{before.Value.Trim('[', ']')}, {values.Value.Trim('[', ']')}]", [.. before.Ranges, .. values.Ranges]);
        }
        else
        {
            subject.Demands.Add(new Demand(values.Key, DemandKind.Equal, first.First));
        }

        subject.Filters.Add(values with { Position = start });
    }

    // pf[0x1000-0x2000:w], pf[w]
    private static void ReadPage(Tokens tokens, ExpressionReader reader, Subject subject)
    {
        if (tokens.Next.Kind == TokenKind.Number)
        {
            var start = tokens.Next.Start;
            AddNumbers(tokens, reader.ReadValues("gpa"), start, PolicyEvents.Find(EventKind.PageFault)!, subject);
            if (!tokens.TryTake(":"))
            {
                return;
            }
        }

        var position = tokens.Next.Start;
        var access = reader.ReadAccess();
        if (subject.Find("access") is not null)
        {
            throw tokens.Error(position, "The access stands here twice.", "write the kinds together: rw");
        }

        subject.Filters.Add(new FilterPart("access", access.Word!, []) { Position = position });
        subject.Demands.Add(new Demand("access", DemandKind.Equal, access.Constant!.Value));
    }

    // descriptor[idtr], descriptor[idtr:w]
    private static void ReadTable(Tokens tokens, ExpressionReader reader, Subject subject)
    {
        var start = tokens.Next.Start;
        var table = tokens.Next.Kind == TokenKind.Name ? reader.ReadAny() : null;
        if (table is not { Type: ExpressionType.Table, Constant: { } number } || subject.Find("descriptor") is not null)
        {
            throw tokens.Error(start, "Expected one table: idtr, gdtr, ldtr or tr.");
        }

        subject.Filters.Add(new FilterPart("descriptor", table.Word!, []) { Position = start });
        subject.Demands.Add(new Demand("descriptor", DemandKind.Equal, number));
        if (tokens.TryTake(":"))
        {
            var isWrite = tokens.Is("w");
            if (!isWrite && !tokens.Is("r"))
            {
                throw tokens.Error(tokens.Next.Start, $"Expected w for a load of the table, or r for a store, found {tokens.Next}.");
            }

            tokens.Take();
            subject.Filters.Add(new FilterPart("write", isWrite ? "true" : "false", []) { Position = start });
            subject.Demands.Add(new Demand("write", DemandKind.Equal, isWrite ? 1UL : 0));
        }
    }
}
