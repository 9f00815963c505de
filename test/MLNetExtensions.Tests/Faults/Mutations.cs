using System.Reflection;
using Microsoft.ML;
using Microsoft.ML.Runtime;

namespace MLNetExtensions.Tests.Faults;

/// <summary>Damaged model files: each is refused in the words of the contract, or harmless.</summary>
internal sealed class Mutations : Fault
{
    // Of a damaged file, whose own size is some kilobytes: for loading and scoring together.
    private const long MostAllocated = 64 << 20;

    internal override string Name => "mutations";

    protected override void Try(Case made)
    {
        var original = FaultModel.Of(made.Entry);
        var mutant = Mutant.Of(original.File, made.Random);
        made.What = mutant.What;
        var allocated = GC.GetTotalAllocatedBytes();
        Load(mutant, original);
        Assert.IsLessThan(MostAllocated, GC.GetTotalAllocatedBytes() - allocated, "It takes too much memory.");
    }

    private static void Load(Mutant mutant, FaultModel original)
    {
        ITransformer model;
        try
        {
            model = Models.Load(mutant.File);
        }
        catch (Exception e)
        {
            Assert.IsNotInstanceOfType<TargetInvocationException>(e, e.ToString());
            var innermost = Must.Innermost(e);
            Assert.IsFalse(innermost is NullReferenceException or OutOfMemoryException or IndexOutOfRangeException, e.ToString());
            // What comes before our own part of the file, ML.NET refuses in its own words.
            if (mutant.Damage != Damage.Container)
            {
                // The innermost is of a user's network, where that fails.
                var ours = Refusal.Marked(e);
                Assert.IsTrue(ours is FormatException or InvalidOperationException, e.ToString());
                Assert.IsTrue(ReferenceEquals(ours, innermost) || original.Entry.CountedParameters > 0, e.ToString());
            }
            return;
        }
        using var disposable = model as IDisposable;
        Assert.AreNotEqual(Damage.NotFinite, mutant.Damage, "Weights that are no numbers were accepted.");
        if (mutant.Damage is not (Damage.Content or Damage.Data))
        {
            original.AssertScoresAlike(model);
            return;
        }
        // A file that is whole may say something else. What loads must also score, or say why not: a changed column name, say.
        try
        {
            Snapshot.Of(model.Transform(original.Data));
        }
        catch (Exception e) when (e is ArgumentOutOfRangeException or InvalidOperationException && e.IsMarked())
        {
        }
    }
}
