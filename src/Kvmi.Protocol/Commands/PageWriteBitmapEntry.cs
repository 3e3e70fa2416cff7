namespace Kvmi.Protocol.Commands;

/// <summary>One page of a SET_PAGE_WRITE_BITMAP command (v7).</summary>
/// <param name="Gpa">Guest-physical address; the page that contains it is meant.</param>
/// <param name="Bitmap">Bit n: the 128 bytes from n × 128 on may be written.</param>
public readonly record struct PageWriteBitmapEntry(ulong Gpa, uint Bitmap);
