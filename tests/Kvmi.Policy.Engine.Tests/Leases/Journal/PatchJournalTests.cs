using FsCheck;
using FsCheck.Fluent;
using Kvmi.Policy.Engine.Leases;
using Kvmi.Policy.Engine.Leases.Journal;
using Kvmi.Policy.Engine.Tests.Runtime;
using Kvmi.Policy.Engine.Tests.Scripting;
using Kvmi.Protocol;
using Kvmi.Session.Vm;

namespace Kvmi.Policy.Engine.Tests.Leases.Journal;

public sealed class PatchJournalTests : IDisposable
{
    private static readonly VmIdentity Identity =
        new("web01", new Guid("11111111-2222-3333-4444-555555555555"), DateTimeOffset.FromUnixTimeSeconds(1_700_000_000), "test#1");

    private readonly TemporaryFolder _folder = new();
    private readonly FakeVm _vm = new() { Identity = Identity };
    private readonly List<LeaseFault> _faults = [];

    private string File => Assert.Single(Directory.GetFiles(_folder.Path));

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void A_policy_that_patches_nothing_has_no_journal_and_the_last_patch_takes_it_away()
    {
        using var journal = new PatchJournal(_folder.Path, Identity);
        var patches = Patches(journal);
        Assert.Empty(Directory.GetFiles(_folder.Path));
        var owner = new LeaseOwner("p");
        patches.Write(owner, 0x1000, [1, 2]);
        Assert.NotEmpty(File);
        patches.Release(owner);
        Assert.Empty(Directory.GetFiles(_folder.Path));
    }

    [Fact]
    public void Whatever_was_patched_when_the_process_died_is_put_back_by_the_next_one()
    {
        var steps = Gen.Choose(0, 1_000_000).ArrayOf();
        Check.One(Config.QuickThrowOnFailure.WithMaxTest(200).WithEndSize(40), Prop.ForAll(steps.ToArbitrary(), DieAndComeBack));
    }

    [Fact]
    public void A_patch_that_was_noted_and_never_written_is_no_change_of_the_guest()
    {
        using (var journal = new PatchJournal(_folder.Path, Identity))
        {
            Assert.True(journal.TryAdd(new MemoryPatch(1, new LeaseOwner("p"), 0x1000, [0, 0], [1, 2])));
        }

        Assert.Equal(0, Recover(Identity, out var discarded));
        Assert.Null(discarded);
        Assert.Empty(_faults);
    }

    [Fact]
    public void A_journal_for_whose_renewal_there_is_no_room_is_taken_over_as_it_stands()
    {
        Leave(0x1000, 1, 2, 3);

        // What stands in the way of the new file fails for root too, as a full disk does. A rest of a record that was cut off lies behind the good ones.
        using (var file = System.IO.File.Open(File, FileMode.Append))
        {
            file.Write([9, 9, 9]);
        }

        var path = File;
        Directory.CreateDirectory(path + ".new");
        Assert.Equal(3, Recover(Identity, out var discarded));
        Assert.Null(discarded);
        Assert.Equal([0, 0, 0], _vm.Peek(0x1000, 3));
        Assert.False(System.IO.File.Exists(path));
    }

    [Fact]
    public void Bytes_that_the_guest_changed_meanwhile_stay_and_are_told()
    {
        Leave(0x1000, 1, 2, 3);
        _vm.Put(0x1001, [9]);
        Assert.Equal(2, Recover(Identity, out _));
        Assert.Equal([0, 9, 0], _vm.Peek(0x1000, 3));
        var fault = Assert.Single(_faults);
        Assert.Equal(["gpa", "expected", "found"], fault.Fields.Select(field => field.Name));
        Assert.Equal("010903", fault.Fields[2].Value);
    }

    [Theory]
    [InlineData(1_700_000_001L, "reset or started anew")]
    [InlineData(null, "does not tell when the VM was started")]
    public void A_VM_that_was_reset_or_does_not_say_is_left_alone(long? start, string reason)
    {
        Leave(0x1000, 1, 2);
        var identity = Identity with { StartTime = start is { } seconds ? DateTimeOffset.FromUnixTimeSeconds(seconds) : null };
        Assert.Equal(0, Recover(identity, out var discarded));
        Assert.Contains(reason, discarded, StringComparison.Ordinal);
        Assert.Equal([1, 2], _vm.Peek(0x1000, 2));
        Assert.Empty(Directory.GetFiles(_folder.Path));
    }

    [Fact]
    public void A_torn_last_record_is_left_out_and_what_comes_before_it_holds()
    {
        Leave(0x1000, 1, 2);
        Leave(0x3000, 5, 6);
        var bytes = System.IO.File.ReadAllBytes(File);
        System.IO.File.WriteAllBytes(File, bytes[..^3]);
        Assert.Equal(2, Recover(Identity, out _));
        Assert.Equal([0, 0], _vm.Peek(0x1000, 2));
        Assert.Equal([5, 6], _vm.Peek(0x3000, 2));
    }

    [Fact]
    public void No_bytes_of_a_journal_do_harm()
    {
        Leave(0x1000, 1, 2);
        Leave(0x3000, 5, 6);
        var sound = System.IO.File.ReadAllBytes(File);
        var path = File;
        Check.One(Config.QuickThrowOnFailure.WithMaxTest(300), Prop.ForAll(Gen.Choose(0, int.MaxValue).ToArbitrary(), seed =>
        {
            var random = new Random(seed);
            var bytes = sound.ToArray();
            for (var changes = random.Next(1, 4); changes > 0; changes--)
            {
                bytes[random.Next(bytes.Length)] = (byte)random.Next(256);
            }

            System.IO.File.WriteAllBytes(path, bytes[..random.Next(bytes.Length + 1)]);
            using var journal = new PatchJournal(_folder.Path, Identity);
            var left = journal.Recover(out _);
            for (var i = 0; i < left.Count; i++)
            {
                // Only what was really noted can come out: everything carries a checksum.
                Assert.True(left[i].Gpa is 0x1000 or 0x3000 && left[i].Former is [0, 0]);
            }
        }));
    }

    [Fact]
    public void A_journal_without_end_stays_bounded()
    {
        using (var journal = new PatchJournal(_folder.Path, Identity, maxLength: 4096))
        {
            var patches = Patches(journal);
            var owner = new LeaseOwner("p");
            patches.Write(new LeaseOwner("q"), 0x8000, [7]);
            for (var i = 1; i <= 2000; i++)
            {
                Assert.Equal(KvmiError.None, patches.Write(owner, 0x1000, [(byte)i, 1]));
                Assert.True(new FileInfo(File).Length < 4096 + 256);
            }
        }

        Assert.Equal(3, Recover(Identity, out _));
        Assert.Equal([0, 0], _vm.Peek(0x1000, 2));
    }

    [Fact]
    public void Two_processes_do_not_write_one_journal()
    {
        using var first = new PatchJournal(_folder.Path, Identity);
        Patches(first).Write(new LeaseOwner("p"), 0x1000, [1]);
        using var second = new PatchJournal(_folder.Path, Identity);
        Assert.Equal(0, second.Recover(out var discarded).Count);
        Assert.Contains("cannot be read", discarded, StringComparison.Ordinal);
        Assert.Equal(KvmiError.NoMemory, Patches(second).Write(new LeaseOwner("q"), 0x2000, [2]));
        Assert.Equal([0], _vm.Peek(0x2000, 1));
        Assert.Equal("patch-refused", Assert.Single(_faults).Status);
    }

    /// <summary>Random patches, some given back, until the process dies; the bytes in the guest are then as they were at the start.</summary>
    private void DieAndComeBack(int[] steps)
    {
        _vm.Put(0x1000, [.. Enumerable.Range(1, 64).Select(i => (byte)i)]);
        using (var journal = new PatchJournal(_folder.Path, Identity, maxLength: 600))
        {
            var patches = Patches(journal);
            LeaseOwner[] owners = [new("a"), new("b"), new("c")];
            foreach (var step in steps)
            {
                var owner = owners[step % 3];
                if (step % 7 == 0)
                {
                    patches.Release(owner);
                }
                else
                {
                    var bytes = Enumerable.Repeat((byte)(0x80 | step), 1 + (step / 3 % 9)).ToArray();
                    Assert.Equal(KvmiError.None, patches.Write(owner, 0x1000 + ((ulong)(step / 50) % 50), bytes));
                }
            }
        }

        Recover(Identity, out var discarded);
        Assert.Null(discarded);
        Assert.Empty(_faults);
        Assert.Equal([.. Enumerable.Range(1, 64).Select(i => (byte)i)], _vm.Peek(0x1000, 64));
    }

    /// <summary>A process patches and dies: nothing is given back.</summary>
    private void Leave(ulong gpa, params byte[] bytes)
    {
        using var journal = new PatchJournal(_folder.Path, Identity);
        var patches = Patches(journal);
        patches.Adopt(journal.Recover(out _));
        Assert.Equal(KvmiError.None, patches.Write(new LeaseOwner("p"), gpa, bytes));
    }

    private int Recover(VmIdentity identity, out string? discarded)
    {
        using var journal = new PatchJournal(_folder.Path, identity);
        var patches = Patches(journal);
        patches.Adopt(journal.Recover(out discarded));
        return patches.ReleaseAll();
    }

    private MemoryPatches Patches(PatchJournal journal) => new(_vm, _faults.Add) { Journal = journal };
}
