using FsCheck;
using FsCheck.Fluent;
using Kvmi.Session.Placement;

namespace Kvmi.Session.Tests.Placement;

public class ProcessorListTests
{
    [Theory]
    [InlineData("0", new[] { 0 })]
    [InlineData("0-3,8", new[] { 0, 1, 2, 3, 8 })]
    [InlineData("8,1-2,2", new[] { 1, 2, 8 })]
    [InlineData("1023", new[] { 1023 })]
    public void A_list_is_read(string text, int[] expected)
    {
        Assert.True(ProcessorList.TryParse(text, out var processors));
        Assert.Equal(expected, processors);
    }

    [Theory]
    [InlineData("")]
    [InlineData(",")]
    [InlineData("1,")]
    [InlineData("-1")]
    [InlineData("1-")]
    [InlineData("3-1")]
    [InlineData("1024")]
    [InlineData("0-4000000000")]
    [InlineData("1 2")]
    [InlineData("0x1")]
    [InlineData("1-2-3")]
    public void What_is_no_list_is_refused(string text)
    {
        Assert.False(ProcessorList.TryParse(text, out var processors));
        Assert.Empty(processors);
    }

    [Fact]
    public void What_is_written_is_read_again()
    {
        var property = Prop.ForAll(
            Gen.Choose(0, ProcessorList.Limit - 1).NonEmptyListOf().ToArbitrary(),
            numbers =>
            {
                int[] sorted = [.. numbers.Distinct().Order()];
                return ProcessorList.TryParse(ProcessorList.Write(sorted), out var read) && read.SequenceEqual(sorted);
            });
        Check.QuickThrowOnFailure(property);
    }
}
