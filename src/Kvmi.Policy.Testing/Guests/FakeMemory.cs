namespace Kvmi.Policy.Testing.Guests;

/// <summary>Sparse guest-physical memory of a <see cref="FakeVm"/>: pages exist once something was written to them. One thread at a time.</summary>
public sealed class FakeMemory
{
    /// <summary>Bytes of a page.</summary>
    public const int PageSize = 4096;

    private readonly Dictionary<ulong, byte[]> _pages = [];

    /// <summary>Does the page that contains the address exist?</summary>
    public bool Exists(ulong gpa) => _pages.ContainsKey(gpa / PageSize);

    /// <summary>Writes bytes; pages that do not exist are made, filled with zeros.</summary>
    /// <param name="gpa">Guest-physical address.</param>
    /// <param name="source">The bytes.</param>
    public void Write(ulong gpa, ReadOnlySpan<byte> source)
    {
        while (!source.IsEmpty)
        {
            if (!_pages.TryGetValue(gpa / PageSize, out var page))
            {
                page = new byte[PageSize];
                _pages.Add(gpa / PageSize, page);
            }

            var offset = (int)(gpa % PageSize);
            var count = Math.Min(source.Length, PageSize - offset);
            source[..count].CopyTo(page.AsSpan(offset));
            source = source[count..];
            gpa += (ulong)count;
        }
    }

    /// <summary>Reads bytes.</summary>
    /// <returns>False when a page does not exist; then the destination holds what came before it.</returns>
    public bool TryRead(ulong gpa, Span<byte> destination)
    {
        while (!destination.IsEmpty)
        {
            if (!_pages.TryGetValue(gpa / PageSize, out var page))
            {
                return false;
            }

            var offset = (int)(gpa % PageSize);
            var count = Math.Min(destination.Length, PageSize - offset);
            page.AsSpan(offset, count).CopyTo(destination);
            destination = destination[count..];
            gpa += (ulong)count;
        }

        return true;
    }
}
