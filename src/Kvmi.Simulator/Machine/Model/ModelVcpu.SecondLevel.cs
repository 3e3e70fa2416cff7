using System.Buffers.Binary;
using Kvmi.Protocol;

namespace Kvmi.Simulator.Machine.Model;

/// <content>
/// What the second level of translation does to an access: rights, replaced pages, exits and virtualization exceptions
/// (Intel SDM volume 3, "EPT violations" and "Virtualization exceptions").
/// </content>
internal sealed partial class ModelVcpu
{
    private const int VeInfoLength = 34;
    private const int VeBusyOffset = 4;
    private const uint EptViolation = 48;
    private const int RightsInQualification = 3;
    private const ulong LinearAddressIsValid = 1 << 7;
    private const ulong IsFinalAccess = 1 << 8;

    private readonly ulong[] _licences = new ulong[8];
    private int _licenceCount;
    private bool _hasLicences;

    // A REP instruction has rounds to go.
    private bool _repeats;

    private int _view;
    private int _viewShift;

    // While the CPU enters a handler no second exception of this kind may come up.
    private bool _delivers;

    private bool _veEnabled;
    private bool _veExits;
    private ulong _veInfoPage;

    /// <summary>Goes through an entry of the second level that is not plainly permitted.</summary>
    /// <param name="gva">The guest's address.</param>
    /// <param name="wanted">The access.</param>
    /// <param name="size">Its bytes, all in this page.</param>
    /// <param name="isWalk">True for an access to a page table on the way to <paramref name="gva"/>.</param>
    /// <param name="frame">The page; replaced by the one that it shows.</param>
    private bool EnterSecondLevel(ulong gva, PageAccess wanted, int size, bool isWalk, ref Frame frame)
    {
        var page = frame;
        return EnterSecondLevel(gva, page.Gpa | (gva & PageOffsetMask), wanted, size, isWalk, ref frame);
    }

    private bool EnterTable(ulong gva, ulong gpa, PageAccess wanted, ref Frame frame) =>
        (frame.EffectiveIn(_viewShift) & ((byte)wanted | Frame.Replaced)) == (byte)wanted
            || EnterSecondLevel(gva, gpa, wanted, sizeof(ulong), true, ref frame);

    private bool EnterSecondLevel(ulong gva, ulong gpa, PageAccess wanted, int size, bool isWalk, ref Frame frame)
    {
        var page = frame;
        var effective = page.EffectiveIn(_viewShift);
        if ((effective & Frame.Replaced) != 0) frame = _machine.SecondLevel.ShownIn(_view, page);
        if ((effective & (byte)wanted) != 0) return true;

        // Parts of a page can be writable to instructions; the CPU's own marks in page tables need the whole page.
        if (wanted == PageAccess.Write && !isWalk && _machine.SecondLevel.AllowsPartialWrite(_view, page, (int)(gpa & PageOffsetMask), size)) return true;
        if (IsLicensed(gpa) || !_machine.EnforcesPageAccess || (isWalk && !_machine.EnforcesPageWalks)) return true;
        if (BecomesException(page) && WriteVeInfo(gva, gpa, wanted, effective, isWalk) && !_veExits) return Raise(ExceptionVector.Virtualization);
        return Intercept(new VcpuExit
        {
            Kind = VcpuExitKind.PageAccess,
            Gva = isWalk ? NotTranslated : gva,
            Gpa = gpa,
            Access = wanted,
        });
    }

    // Pages that the instruction under emulation may use whatever their rights; in an unlikely crowd it may use all.
    private void AddLicence(ulong gpa)
    {
        if (_licenceCount < _licences.Length) _licences[_licenceCount] = gpa & ~(ulong)PageOffsetMask;
        _licenceCount++;
    }

    private bool IsLicensed(ulong gpa) => _hasLicences
        && (_licenceCount > _licences.Length || _licences.AsSpan(0, _licenceCount).Contains(gpa & ~(ulong)PageOffsetMask));

    private bool BecomesException(Frame page) => _veEnabled && !_delivers && _machine.SecondLevel.ConvertsToVe(_view, page);

    /// <summary>Leaves the facts for the guest. The page is reached by its physical address: no view and no right applies.</summary>
    /// <returns>False when the guest has not taken the last ones yet.</returns>
    private bool WriteVeInfo(ulong gva, ulong gpa, PageAccess wanted, byte effective, bool isWalk)
    {
        Span<byte> info = stackalloc byte[VeInfoLength];
        if (!_machine.Memory.TryRead(_veInfoPage, info) || BinaryPrimitives.ReadUInt32LittleEndian(info[VeBusyOffset..]) != 0) return false;
        var rights = (ulong)(effective & (byte)PageAccess.All) << RightsInQualification;
        var qualification = (ulong)wanted | rights | LinearAddressIsValid | (isWalk ? 0 : IsFinalAccess);
        BinaryPrimitives.WriteUInt32LittleEndian(info, EptViolation);
        BinaryPrimitives.WriteUInt32LittleEndian(info[VeBusyOffset..], uint.MaxValue);
        BinaryPrimitives.WriteUInt64LittleEndian(info[8..], qualification);
        BinaryPrimitives.WriteUInt64LittleEndian(info[16..], gva);
        BinaryPrimitives.WriteUInt64LittleEndian(info[24..], gpa);
        BinaryPrimitives.WriteUInt16LittleEndian(info[32..], (ushort)_view);
        return _machine.Memory.TryWrite(_veInfoPage, info);
    }
}
